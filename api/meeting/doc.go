// Package meeting is the record of meetings and of who attends them, without HTTP, SQL or
// protobuf. The [Ledger] keeps it by means of a [Store], which package postgres implements.
//
// Words, beside those of package media:
//
//	attendance   one session in one room
//	participant  a person in a room, however many sessions they have there
//	creator      the participant who started the meeting, or who set it up; its host
//
// A meeting starts with its first participant and ends with its last. When it had ended, the
// next participant starts it anew and becomes its creator; a meeting that was set up before
// anybody came keeps the creator it has. A participant is gone when their last session is:
// what happens to one of several sessions is no news.
//
// People come first: when the database does not answer, the ledger answers with what it
// remembers or assumes and writes later, the writes of a room in their order. Rooms do not
// wait for each other. The lock of the ledger is never held while the store works.
package meeting
