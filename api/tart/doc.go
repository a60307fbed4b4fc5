// Package tart answers what programs made for TART ask, the telemetry server of JAM nodes: its
// REST routes that need no chain, its WebSocket, the names of its metrics. It is a thin layer
// over the engine of telemetry and its archive; what is there comes from package jip3.
//
// Bodies have the names and shapes of TART. Where the two differ on purpose:
//
//   - Bytes are lower-case hexadecimal digits. With ?bytes=array they and addresses are arrays
//     of numbers, as TART has them.
//   - Numbers above 2^53-1 are strings of decimal digits, so that no reader loses any.
//   - Events of kinds that nobody knows have the name Unknown, and their bytes.
//   - event_id is the number that the node gave the event, from 0, which others refer to.
//   - Lists are in the order of receipt: no clock of a node decides. has_more is the truth, and
//     cursor goes on where a page ended while events come in.
//   - Searching by core or work package follows what events continue.
//   - Failures are the kinds that are failures, and no others.
//   - What is wrong with a question is said, as {"error": …} with a status.
//
// Who may ask is not decided here.
package tart
