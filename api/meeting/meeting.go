package meeting

import (
	"context"
	"errors"
	"time"
)

// Attendance is one session in one room.
type Attendance struct {
	Session     uint64 // random, never given twice
	Room        string // 1 to 255 bytes
	User        string // 1 to 255 bytes
	DisplayName string
	Node        string
	Transport   string
	Instance    string // identifies a client across its reconnections, or ""
}

// Departure is a session that left.
type Departure struct {
	Attendance
	At          time.Time
	EndWithHost bool // as Record.Exit has it
}

// Open is a session that is on record as there.
type Open struct {
	Attendance
	Seen time.Time // when its node was last known to live; not before any session of it entered
}

// Started is what a joiner is told of a meeting.
type Started struct {
	At      time.Time // in microseconds, as the database keeps it
	Creator string
	First   bool // the joiner is the only participant
	Guess   bool // the record did not answer in time; it may say something else
}

// Ended is what a departure means for a meeting. The zero value says that it continues, or
// that nothing is known.
type Ended struct {
	Over    bool
	Message string // for those still connected; "" when nobody needs to be told
}

// HostEnded is the message when a meeting ends because its host left.
const HostEnded = "The host has ended the meeting"

// State is what a meeting is in.
type State string

// The states of a meeting: set up and not begun, running, over.
const (
	Idle   State = "idle"
	Active State = "active"
	Over   State = "ended"
)

// Meeting is the record of one.
type Meeting struct {
	Room    string
	Started time.Time
	Ended   time.Time // zero unless the meeting is over
	Creator string    // "" when nobody is known to have created it
	State   State
}

// RoomEnded is a meeting that ended without anybody leaving politely.
type RoomEnded struct {
	Room string
	Ended
}

// Record is told who comes and goes.
type Record interface {
	// Enter records a session that entered at the given time, its user as participant, and
	// starts or revives the meeting when they are the only one. For a session that is open
	// it changes nothing and tells what is. One that was closed, because its node was taken
	// for dead, is open again as of when it entered, and the meeting that ended with it goes
	// on as if it never had. A meeting whose end somebody declared stays over, a deleted one
	// does not come back, and one that people are admitted to keeps its creator.
	Enter(ctx context.Context, a Attendance, at time.Time) (Started, error)

	// Exit records that a session left at the given time. When it was the last of its user,
	// the participant is gone; when nobody remains, or endWithHost is set and the creator is
	// gone, the meeting is over and so is the participation of all others. A meeting that
	// people are admitted to says itself whether it ends with its last host. For a session
	// that is not open it changes nothing and tells that the meeting continues.
	Exit(ctx context.Context, a Attendance, at time.Time, endWithHost bool) (Ended, error)
}

// Store keeps the record. All methods block until the store answers or ctx ends, may be
// called from any goroutine, and leave nothing half done. Errors that wrap [ErrRejected] are
// final; others may pass.
type Store interface {
	Record

	// Together records what do does with the Record it is given as one change, all of it or
	// nothing when do or the store fails. It is quicker than one after the other. All of it has to
	// be about one room.
	Together(ctx context.Context, room string, do func(Record) error) error

	// Leave records departures from many rooms as one change, in a number of exchanges with the
	// database that does not depend on how many there are. It does what Exit does for each, but those of
	// one room leave together: who was left behind by one of them and left as well is not told that the
	// meeting ended. It waits for nobody: of rooms that others are changing it records nothing, and they
	// are not in the answer. For the others that says what the departures mean for the meeting.
	Leave(ctx context.Context, all []Departure) (map[string]Ended, error)

	// OpenOn lists the sessions of a node that have not left, oldest first.
	OpenOn(ctx context.Context, node string) ([]Open, error)

	// Alive notes that a node lives, now; Gone that it is no more.
	Alive(ctx context.Context, node string) error
	Gone(ctx context.Context, node string) error

	// Absent lists the nodes that are not there but on record: silent are those that did not say for
	// some time that they live, writing those that did.
	Absent(ctx context.Context, there []string, silence time.Duration) (silent, writing []string, err error)

	// ActiveCount returns the number of participants in a room.
	ActiveCount(ctx context.Context, room string) (int, error)

	// Meeting returns the meeting of a room, or [ErrNoMeeting].
	Meeting(ctx context.Context, room string) (Meeting, error)
}

// Errors of a Store.
var (
	ErrNoMeeting = errors.New("no such meeting")
	ErrRejected  = errors.New("the store does not accept this record")
)
