package media

import (
	"context"
	"time"
)

// Ledger records meetings and who attends them.
type Ledger interface {
	// Enter records that a session entered its room and returns what it is told of the
	// meeting. It blocks for a bounded time; when the record cannot be written in that time
	// it is written later, and the answer is a good guess. An error refuses the session.
	Enter(ctx context.Context, m Member) (Meeting, error)

	// Observe returns the running meeting that somebody waits in front of; false when there is
	// none or it cannot be read within a bounded time. An error refuses the session.
	Observe(ctx context.Context, m Member) (Meeting, bool, error)

	// Exit records that a session that entered is gone for good. It never blocks for long;
	// what cannot be written now is written later.
	Exit(ctx context.Context, m Member) Ending
}

// Meeting is what a joiner is told.
type Meeting struct {
	Started time.Time
	Creator string
	First   bool // nobody else was in the meeting
	Guess   bool // the record did not answer: all this is right if nobody else is there
	Host    bool // the joiner is, whatever the token says
}

// Ending is what the departure of a session means for its meeting.
type Ending struct {
	Over    bool   // the meeting ended with this departure
	Message string // for those still connected; "" when nobody needs to be told
}
