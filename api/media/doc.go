// Package media is the hot path: it takes packets from connections, fans them out to the
// members of a room and hands them to the relay, without knowing networks or databases.
//
// Glossary, used in the whole project:
//
//	node      one running parley process
//	room      the members of one meeting that are connected right now, on all nodes
//	session   one connection of one participant to one room; it has a number of its own
//	member    what everybody in a room may know of a session
//	observer  a session in the waiting room: it hears meeting events, never media
//	hub       the rooms and sessions of this node
//	queue     the packets that wait for one session
//	stock     what all queues of a node hold together
//	courier   what brings them to the connections of a group of sessions
//	picture   what a camera or a screen sends; it may come in simulcast layers
//	selection the pictures, and the layers of them, that a session asked for
//	demand    what all nodes want of one source
//	gate      what keeps media of one session from the room: a host, or an operator
//	relay     the way to the other nodes
//	ledger    the record of meetings and who attended them
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
package media
