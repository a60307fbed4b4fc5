// Package embedded runs what a node needs when nobody provides it: a private PostgreSQL
// cluster, made with the programs of the system, and a NATS server in this process.
//
// Both keep their data below one directory, which a single process may use at a time
// ([LockDir]). They end with the process: the NATS server because it is part of it, the
// PostgreSQL server because the kernel stops it.
package embedded
