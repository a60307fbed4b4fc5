// Package wire reads and stamps packets without unmarshalling them.
//
// A packet is one serialized call.v1.PacketWrapper. [Scan] walks its fields and returns a
// view into the given bytes; [Stamp] appends the fields the server owns. In protobuf the
// last value of a scalar field wins, so appending both sets them and overrides whatever a
// client claimed. Nothing here copies a payload.
//
// [Classify] says what the server does with a packet from a client; the builders in
// build.go make the packets that only the server sends.
package wire
