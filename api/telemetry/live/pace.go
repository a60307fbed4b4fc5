package live

import "time"

// pace is how long nodes wait for each other.
type pace struct {
	hello time.Duration // between two times it is asked who is there, while somebody looks
	wait  time.Duration // of a question for events
	late  time.Duration // how much longer an answer may take until it is asked again for
	again time.Duration // the pause before a question is asked again

	// gone is how long a node may not answer until what it took in is read from the archive, and
	// stored how long after they came events are on record at the latest, while the database
	// works.
	gone, stored time.Duration
}

var usual = pace{
	hello: 2 * time.Second, wait: 2 * time.Second, late: time.Second, again: 250 * time.Millisecond,
	gone: 2 * time.Second, stored: 1500 * time.Millisecond,
}
