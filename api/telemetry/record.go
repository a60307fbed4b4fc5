package telemetry

import "time"

// Record is one event of a session.
type Record struct {
	Catalogue string // id of the catalogue that Kind is a number of
	Kind      uint16
	Seq       uint64 // number of the event in its session

	At       time.Time // by the clock of the source, which may be wrong
	Received time.Time // by ours; the zero time means now. No two of an engine stay the same

	Link   uint64 // number of the earlier event that this one continues
	Linked bool   // whether there is one

	Hot Hot

	// Counted is whether the number of the event is in the ledger anyway, as that of one which
	// says that others were dropped: should it be lost itself, that is no further loss.
	Counted bool

	// Raw is the body as it came. [Feed.Record] copies it, and so may be given a buffer
	// that is used again.
	Raw []byte
}

// Hot are the values of an event that it is looked for by, or that are counted. What they
// are is said in the catalogue.
type Hot struct {
	// Subject is what the event is about, such as a hash or the number of a stream. Longer
	// ones are cut to [MaxSubject] bytes; nil is none. It is copied, as Raw is.
	Subject []byte

	Number Number // where in a long count, such as a slot or a frame
	Index  Number // one of few, such as a core or a layer

	// Dimension splits the count of the kind in roll-ups, such as a reason. It must be one
	// of few: those beyond [MaxDimensions] per kind are counted together.
	Dimension string

	// Samples are measurements for the histograms of roll-ups. The feed does not keep the
	// slice.
	Samples []Sample
}

// Number is an integer that may be absent. Those from 2^63 on are kept as negative ones and
// read back unchanged.
type Number struct {
	Value uint64
	Known bool
}

// Of returns the number n.
func Of(n uint64) Number { return Number{Value: n, Known: true} }

// Sample is one measurement.
type Sample struct {
	Measure string // name and unit, such as "rtt_ms", from the catalogue
	Value   float64
}

const (
	// MaxSubject is the longest subject in bytes: a hash of 512 bits.
	MaxSubject = 64

	// MaxRaw is the longest body in bytes. What is longer does not enter; it is in the
	// ledger as too large.
	MaxRaw = 256 << 10

	// MaxDimensions is how many dimensions of one kind are told apart in one step of
	// roll-ups.
	MaxDimensions = 256
)
