package telemetry

import "context"

// Ingest is where sessions begin.
type Ingest interface {
	// Begin begins a session. It does not wait for the database; it fails when the source is
	// not acceptable, or when there are too many sessions. The context bounds the call, not
	// the session.
	Begin(ctx context.Context, source Source) (Feed, error)
}

// Feed is the way in of one session. Its methods never block, and may be called from any
// goroutine; who numbers events calls them in that order.
type Feed interface {
	// ID is the session's.
	ID() SessionID

	// Record takes in one event. When there is no room for it, it is in the ledger as
	// [QueueFull].
	Record(Record)

	// Lost enters n events, of which the first has the number first, into the ledger.
	Lost(cause Cause, first, n uint64)

	// End ends the session, with a reason for people. Calls after the first do nothing, and
	// events that come after it are neither stored nor in the ledger.
	End(reason string)
}
