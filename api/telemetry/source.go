package telemetry

import "time"

// Source is who begins a session, and how it introduced itself.
type Source struct {
	Catalogue string // of all its events
	Identity  string // the same each time it connects: at most [MaxIdentity] bytes of UTF-8

	// Version of the catalogue that this session speaks.
	Version int

	// Scope is what the session belongs to and is filtered by, such as a room. It may be
	// empty.
	Scope string

	// Labels describe the source, for people: at most [MaxLabels].
	Labels map[string]string

	// Parameters are numbers without which bodies cannot be decoded, such as how many
	// elements an array without a length has.
	Parameters map[string]uint64

	Began time.Time // the zero time means now
}

const (
	// MaxIdentity is the longest identity and scope in bytes.
	MaxIdentity = 256

	// MaxLabels is how many labels, and how many parameters, a source has at most, and
	// MaxLabel the longest name or value in bytes.
	MaxLabels = 64
	MaxLabel  = 1024
)

// FirstSession returns an id that sessions have not reached which began before t.
func FirstSession(t time.Time) SessionID {
	return SessionID(max(0, t.Sub(idEpoch).Milliseconds()) << engineBits)
}

// SessionID identifies a session in the whole cluster. Later ones are larger. It does not
// fit into a float64: JSON has it as a string.
type SessionID int64

// Session is one connection of a source.
type Session struct {
	ID SessionID
	Source
	Engine int64     // that takes it in; lists leave it out
	Ended  time.Time // the zero time while it goes on
	Reason string    // why it ended
	Events uint64    // that came, whatever became of them
}
