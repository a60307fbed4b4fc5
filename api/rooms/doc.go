// Package rooms is the hot path: it takes packets from connections, fans them out to the
// members of a room and hands them to the relay, without knowing networks or databases. What it is
// connected to is in package media, and so is the glossary.
//
// A session starts in Testing: clients open several connections at once, probe them and
// close all but one. The first packet that is not a probe makes it Active, and only then do
// others learn of it. After an Active session is lost it is Away for the grace period, in
// which a reconnection takes its place silently.
//
// The only hand-off between goroutines is the queue: the read goroutine of a session scans,
// stamps and fans out; a courier, or the write goroutine of the session, empties its queue.
// Fan-out loads one pointer and takes no lock of the room. Lock order: stock.mu, then Hub.mu and
// Room.mu, then Queue.mu, then courier.mu.
package rooms
