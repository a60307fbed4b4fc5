package media

import (
	"crypto/rand"
	"strconv"
	"strings"
)

// Position is a place in the log of a room's meeting events. Numbers of one epoch count up
// from 1 without a gap; a log that was lost begins again in another epoch. The zero value is
// the place before all events.
type Position struct {
	Epoch  string
	Number uint64
}

// MaxPosition is the longest text of a Position, in bytes.
const MaxPosition = 64

// String returns the form that ParsePosition reads: "<epoch>.<number>".
func (p Position) String() string { return p.Epoch + "." + strconv.FormatUint(p.Number, 10) }

// ParsePosition reads what String wrote; false when text is something else.
func ParsePosition(text string) (Position, bool) {
	epoch, digits, ok := strings.Cut(text, ".")
	n, err := strconv.ParseUint(digits, 10, 64)
	return Position{epoch, n}, ok && err == nil && len(text) <= MaxPosition
}

// Event is a meeting event of a room's log.
type Event struct {
	Position        // set by the relay
	ID       string // names the event; whoever appends it chooses one
	Wire     []byte // the packet, without its position; nobody changes it

	// Past says that the event was in the log before this node opened the room.
	Past bool
}

// NewEvent returns an event for a log, with a name of its own.
func NewEvent(packet []byte) Event { return Event{ID: rand.Text(), Wire: packet} }
