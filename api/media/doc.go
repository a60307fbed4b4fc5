// Package media is what rooms, transports and relays say to each other: a frame and its kinds, a
// connection and whose it is, and what rooms ask of the relay, the ledger and those who watch. Rooms
// do not know who answers, and who answers does not know how rooms work.
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
package media
