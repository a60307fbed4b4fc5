// Package jip3 takes in the events of nodes that speak JIP-3 over TCP.
//
// A node connects, says what it is, and then sends one event after the other; nothing is
// ever answered. One connection is one session of the engine. Both versions of the protocol
// are understood, and both ways to write lengths: the one of the specification, and the one
// of TART and some nodes, which a connection is taken to use once it did.
//
// Events have no numbers of their own. The first of a connection is 0 and each that follows
// is one more, also when it cannot be read, is too large or comes too fast: the node counted
// it. A Dropped event stands for as many as it says. Whatever does not enter the engine is in
// the ledger of its session.
//
// Who a node is, it claims. So nothing that one connection does counts against another one
// from elsewhere: rates are limited per address and claimed identity together, connections
// and introductions per address.
//
// Each connection has one goroutine, which all end before [Server.Serve] returns.
package jip3
