// Package app wires a node together and stops it in a stated order. It is the only package
// that imports all others; nobody imports it but cmd/parley.
//
// A node starts what it needs from the ground up: data directory, PostgreSQL, NATS, schema,
// relay, ledger, hub, listeners. It stops from the top down, see [Run].
package app
