// Package management is the rules of meetings: who may set one up, come in, wait, and act on
// others. It knows no HTTP, SQL or packets: a [Store] keeps the record, [Rooms] makes what was
// decided happen where people are connected.
//
// Words, beside those of packages media and meeting:
//
//	owner        who created the meeting; may change, end and delete it
//	host         an admitted participant with the host role; the owner is one when inside
//	participant  a row: somebody who asked to come in, and what became of it
//	present      admitted and not known to have left
//
// A meeting is idle until its owner joins, then active, then ended. An end that somebody
// declared holds until the owner joins again; a meeting that merely lost its last connection
// goes on for those who come back within [Return].
//
// A participant waits, is admitted, rejected, removed, or has left. Admission survives a lost
// connection and a reload, but not leaving, a rejection, a removal or the end of the meeting.
// Who was rejected or removed waits when they ask again, whatever the waiting room says; who
// was banned is refused until the ban is lifted.
//
// Every decision is one transaction that holds the lock of the meeting's row, so a join sees
// the options either before or after a change, never in between. What follows from it is told
// to Rooms after the commit; whoever is connected against the record, because a node heard
// nothing of it, is found by [Meetings.Entrant] and [Meetings.Against].
package management
