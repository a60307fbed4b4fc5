package telemetry

import "iter"

// Cause is why an event is not stored.
type Cause uint8

// Causes. The numbers are in the database and never change.
const (
	SourceDropped Cause = 1 // by the source, which says so
	RateLimited   Cause = 2 // the source sent more than it may
	QueueFull     Cause = 3 // the database did not keep up
	Undecodable   Cause = 4 // the body is not what the catalogue says
	TooLarge      Cause = 5 // the body is longer than permitted
	WriteFailed   Cause = 6 // the database refused this one; it is in quarantine
)

var causes = [...]string{
	SourceDropped: "source_dropped",
	RateLimited:   "rate_limited",
	QueueFull:     "queue_full",
	Undecodable:   "undecodable",
	TooLarge:      "too_large",
	WriteFailed:   "write_failed",
}

// Causes are all of them.
func Causes() iter.Seq[Cause] {
	return func(yield func(Cause) bool) {
		for c := SourceDropped; int(c) < len(causes) && yield(c); c++ {
		}
	}
}

// ParseCause is the inverse of String.
func ParseCause(name string) (Cause, bool) {
	for c := range Causes() {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// String returns the stable name of the cause.
func (c Cause) String() string {
	if int(c) < len(causes) && causes[c] != "" {
		return causes[c]
	}
	return "unknown"
}

// Loss says that Count events of a session, beginning with First and all within First to
// Last, are not stored.
type Loss struct {
	Cause       Cause
	First, Last uint64
	Count       uint64
}
