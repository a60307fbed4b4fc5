package telemetry

import (
	"context"
	"time"
)

// Store keeps what the engine takes in. Its methods block until the record answers or ctx
// ends; they may be called from any goroutine.
type Store interface {
	// Write stores a batch. What is stored already is no error. When the store will never
	// take one of the rows the error is a *[RefusedError]; no row is stored then, but sessions
	// and losses are. Other errors mean that the same may succeed later.
	Write(ctx context.Context, b *Batch) error

	// Quarantine keeps rows that Write refuses one by one, and enters each but those that are
	// Counted into the ledger of its session as [WriteFailed].
	Quarantine(ctx context.Context, refused []Refused) error

	// WriteRollups replaces what is on record of these cells, and says that the rows of a
	// writer are counted up to a mark: both or nothing.
	WriteRollups(ctx context.Context, cells []Rollup, upTo Mark) error

	// Counted returns how many rows of a writer are counted, 0 when it is not known.
	Counted(ctx context.Context, writer int64) (rows uint64, err error)

	// RecoverRollups stores cells with what rows of a writer after a mark add, so that its
	// rows are counted up to another: both, or nothing when the mark is not from any more,
	// which is an error.
	RecoverRollups(ctx context.Context, cells []Rollup, from, upTo Mark) error

	// Died ends those of these sessions that have not ended.
	Died(ctx context.Context, sessions []Pulse, at time.Time, reason string) error

	// Finish says that no more will be stored of engines once they do not run, see [Engine.ID]:
	// all is that they took in, or nobody else has it.
	Finish(ctx context.Context, engines []int64) error

	// Alive says that sessions go on, and how many events came so far.
	Alive(ctx context.Context, sessions []Pulse) error

	// Keep makes what has to be there for events of today and the days to come, drops what is
	// older than r says, and ends sessions of which nobody spoke for [StaleAfter].
	Keep(ctx context.Context, r Retention) error
}

// RefusedError says that a store does not take a row for what is in it.
type RefusedError struct {
	Reason string // short and without data, such as an SQLSTATE
	Err    error
}

// Error implements error.
func (e *RefusedError) Error() string { return "row refused: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// Refused is a row for the quarantine.
type Refused struct {
	Row    *Row
	Reason string
}

// Retention says for how long things are kept. What is not positive is kept for ever.
type Retention struct {
	Samples, Meta, Lifecycle, Failure time.Duration // events of the class
	Rollups                           time.Duration
	Sessions                          time.Duration // with their ledgers, and the quarantine
}

// DefaultRetention keeps measurements for two days, what was counted of them for a quarter of
// a year.
func DefaultRetention() Retention {
	const day = 24 * time.Hour
	return Retention{Samples: 2 * day, Meta: 7 * day, Lifecycle: 30 * day, Failure: 30 * day, Rollups: 90 * day, Sessions: 90 * day}
}

// Of returns how long events of a class are kept.
func (r Retention) Of(c Class) time.Duration {
	return [...]time.Duration{Samples: r.Samples, Meta: r.Meta, Lifecycle: r.Lifecycle, Failure: r.Failure}[c]
}

// Row is a record on its way to the store.
type Row struct {
	Session   SessionID
	Seq       uint64
	Received  int64 // microseconds since 1970
	At        int64 // likewise
	Link      uint64
	Number    uint64
	Index     uint64
	Subject   []byte
	Body      []byte
	Catalogue string
	Kind      uint16
	Class     Class
	Has       Has
}

// Has says which of the optional fields of a row are there.
type Has uint8

// Optional fields.
const (
	HasLink Has = 1 << iota
	HasNumber
	HasIndex
	Counted // not a field: see [Record]
)

// Batch is what is written in one go.
type Batch struct {
	Sessions []Session // that began or, with the time, ended
	Rows     []Row
	Losses   []Entry
}

// Mark is a place in what one shard of one engine took in.
type Mark struct {
	Writer int64  // see [Rollup]
	Rows   uint64 // that it was given before
}

// Pulse says that a session goes on.
type Pulse struct {
	Session SessionID
	Events  uint64 // that came so far
}

// Entry is a line in the ledger of a session. A later one with the same number replaces it.
type Entry struct {
	Session SessionID
	Number  int64 // in the session; of those in quarantine it is negative
	Loss
	Noted time.Time
}

// Rollup is what was counted in one minute.
type Rollup struct {
	Bucket    time.Time // when the minute began
	Catalogue string
	Kind      int32  // AllKinds counts what a source sent
	Scope     string // of the sessions
	Source    string // identity, only together with AllKinds
	Dimension string // see [Hot]
	Measure   string // "" for the number of events
	Writer    int64  // whose total this is
	Count     uint64
	Sum       float64
	Histogram Histogram
}

// AllKinds is the kind of roll-ups of everything that a source sent.
const AllKinds = -1
