// Package natsrelay connects the nodes of a cluster through NATS. [Relay] implements
// media.Relay and media.Reporter.
//
// Packets. A packet is published to room.<room>.<session> with exactly the bytes of its
// PacketWrapper, so that nodes of other makes on the same NATS understand ours and we
// understand theirs. One header carries the node and the time of a packet; a packet without it
// is foreign. A node takes part in a room through one core subscription. The stream
// PARLEY_MEDIA captures every packet for some seconds without acknowledging it, which makes an
// acknowledged publish to it a barrier: what the same connection published before is stored
// (see media.Link.Flush). Media of a room in which no other node takes part are not published at
// all, unless Options.Always says so; see company.go.
//
// Events. The log of a room is the subject parley.event.<room> of PARLEY_EVENTS, on disk. Who
// appends an event gives it the number behind the last one it was told, on condition that
// nothing was stored meanwhile; the one of two who loses looks at what was stored, and whether
// its event is still news, and tries again. What is stored the server publishes again to
// parley.told.<room>, in the order of the log, to every node with the room open. A gap in the
// numbers makes a node read the log, and so does every new connection to NATS, so no event is
// lost with one. For nodes of other makes an event is published to room.<room>.system, too;
// theirs arrive there and have no number.
//
// Sending never blocks: packets wait in an outbox bounded in bytes, from which one goroutine
// publishes. Sound and pictures that come right after others may wait there for more, for
// Options.Window. While NATS is out of reach they age there; what has no room or grows too old
// is dropped and counted.
//
// Presence. The bucket parley_presence, in memory, holds one entry per member and node
// (<room>.<node>.<session>), one lease per node (lease.<node>) and the word epoch. Each node
// mirrors the whole bucket through one consumer: opening a room is a look into the mirror
// after a barrier, where the barrier is a renewal of the node's own lease that has to come
// back. That costs a node memory for every member of the cluster (about 300 bytes each) and
// saves it one consumer per room.
//
// The bucket keeps the last word on each key only, so a member that comes and goes, or changes
// twice, faster than news travel may be told of once or not at all; never wrongly in the end.
//
// An entry that is removed leaves a marker. DEL means withdrawn: its user left or came back
// elsewhere; if somebody else withdrew the entry of a live session, its node is told through
// Sink.Left. PURGE means evicted: the lease of its node ran out. A node that finds itself
// evicted although it lives (it was paused, or cut off) announces its members again.
//
// Failure. A node whose lease was not renewed for 5 s by the clock of the observer is dead. A
// survivor removes its lease, on condition that it is unchanged, then its entries; every
// survivor reports the lost node, and so it does with one that said goodbye, which may have
// left something undone. A node that may have been taken for dead, because it was evicted or
// heard nothing of its own lease for too long, or because the bucket lost its data, reports
// itself as revived when its lease is back. When the connection, or the consumer, or the server
// fails, the node reads the bucket anew and tells its rooms the difference. When the bucket
// lost its data (its epoch changed) members on other nodes count as present until their node
// announced them again or 5 s have passed: an outage alone makes nobody leave.
//
// Clocks. The age of a packet is measured in the time of the JetStream server: each node
// learns the offset of its own clock from the time stamps of its lease.
//
// Locks: Relay.mu guards mirror, leases and links; link.mu serialises the calls of one sink.
// Relay.mu may be held when link.mu is taken, not the other way round. Only one goroutine
// changes the mirror, so the calls of all sinks about members are in the order of the bucket.
package natsrelay
