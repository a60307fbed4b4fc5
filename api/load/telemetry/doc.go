// Package telemetry sends a server the events of many JIP-3 nodes, and compares what came of
// them with what it sent.
//
// Every event that a node sends has a number in its session, also one that cannot be read. So
// the books are simple: the numbers that were used are those of events that are stored and
// those that are in a ledger, and none is missing or there twice. Nodes also say that they
// dropped events; these are in the ledger like all others.
package telemetry
