package management

import (
	"context"
	"time"
)

// Store keeps meetings and their participants. All methods block until the store answers or
// ctx ends, may be called from any goroutine, and leave nothing half done.
type Store interface {
	// CreateMeeting adds a meeting with an empty record; it fails with [MeetingExists] as a
	// *[Refusal] when the room has one. The password hash is a PHC string or "".
	CreateMeeting(ctx context.Context, m Meeting, passwordHash string) (Meeting, error)

	// InMeeting runs do in a transaction that holds the lock of the meeting's row. Without
	// such a meeting it fails with [MeetingNotFound]. When do fails nothing is changed and
	// its error is returned as it is.
	InMeeting(ctx context.Context, room string, do func(Tx) error) error

	// Look returns a meeting and the participant called user in it, nil when there is no row
	// or user is ""; it fails with [MeetingNotFound].
	Look(ctx context.Context, room, user string) (Meeting, *Participant, error)

	// LookAll looks for many at once, as they are at one moment. rooms and users are as long as each other,
	// and so is the answer; the store keeps neither.
	LookAll(ctx context.Context, rooms, users []string) ([]Looked, error)

	// PasswordHash returns the PHC string of a meeting, "" when it has none or there is no
	// such meeting.
	PasswordHash(ctx context.Context, room string) (string, error)

	// Participants lists those with a status, in the order they asked or were admitted.
	Participants(ctx context.Context, room string, s Status) ([]Participant, error)

	// ListMeetings returns meetings of a user, in one query.
	ListMeetings(ctx context.Context, q Query) (Page, error)

	// Related lists everybody in whose lists a meeting is: owner, attendees, and whoever has
	// a row; also of a meeting that was deleted last.
	Related(ctx context.Context, room string) ([]string, error)

	// DeletedAfter reports whether a meeting of that room was deleted after t and none took
	// its place.
	DeletedAfter(ctx context.Context, room string, t time.Time) (bool, error)
}

// Tx is one meeting under lock. Its methods may only be called during InMeeting's do, from
// its goroutine.
type Tx interface {
	// Meeting returns the meeting as it was when the lock was taken, with the counts of then.
	Meeting() Meeting

	// PasswordHash returns its PHC string, or "".
	PasswordHash() string

	// SetMeeting stores state, times, owner, names, attendees and options of m.
	SetMeeting(ctx context.Context, m Meeting) error

	// SetPassword stores a PHC string; "" takes the password away.
	SetPassword(ctx context.Context, hash string) error

	// Delete takes the meeting away and frees its room for another.
	Delete(ctx context.Context) error

	// Participant returns the participant called user, nil when there is no row.
	Participant(ctx context.Context, user string) (*Participant, error)

	// SetParticipant stores p.
	SetParticipant(ctx context.Context, p Participant) error

	// AdmitWaiting admits everybody who waits and returns them in the order they asked.
	AdmitWaiting(ctx context.Context, at time.Time) ([]Participant, error)

	// CloseAll turns everybody admitted or waiting, but the one called except, into left.
	CloseAll(ctx context.Context, at time.Time, except string) error

	// OtherHosts returns the number of present hosts but the one called except.
	OtherHosts(ctx context.Context, except string) (int, error)

	// Counts returns who is present and who waits, as of now in the transaction.
	Counts(ctx context.Context) (present, waiting int, err error)
}

// Scope says whose meetings are listed.
type Scope string

// The scopes.
const (
	Owned  Scope = "owned"  // newest first
	Joined Scope = "joined" // ever admitted to, the latest first
	Feed   Scope = "feed"   // either, running ones first, then by latest activity
	All    Scope = "all"    // of everybody, for admins
)

// Query selects meetings.
type Query struct {
	User   string
	Scope  Scope
	Search string // part of the id or the owner's name, any case; "" is all
	Limit  int    // at least 1
	Offset int    // at least 0
}

// Page is a part of a list.
type Page struct {
	Meetings []Listed
	Total    int // without limit and offset
}

// Listed is a meeting in somebody's list.
type Listed struct {
	Meeting
	LastJoined time.Time // when the user was last admitted, zero if never
	LastActive time.Time
}
