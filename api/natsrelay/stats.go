package natsrelay

import (
	"sync/atomic"

	"parley/api/histogram"
)

// Stats are cumulative counts of packets since the relay was made, but for what waits.
type Stats struct {
	Published      uint64 // handed to NATS
	PublishedBytes uint64
	Delivered      uint64 // handed to sinks
	DeliveredBytes uint64
	Dropped        uint64 // no room in the outbox
	Outdated       uint64 // older than MaxAge, here or at the sender
	Unsent         uint64 // refused by the connection: too large, or closed
	Malformed      uint64 // from nobody, or larger than any packet
	Missed         uint64 // came faster than the sinks took them; of closed links
	Kept           uint64 // of rooms in which no other node takes part

	Waiting      int // in the outbox
	WaitingBytes int
}

type counters struct {
	published, publishedBytes, delivered, deliveredBytes atomic.Uint64

	dropped, outdated, unsent, malformed, missed, kept atomic.Uint64

	leave, transit histogram.Durations
}

// Stats returns what was counted so far.
func (r *Relay) Stats() Stats {
	c := &r.stats
	s := Stats{
		Published:      c.published.Load(),
		PublishedBytes: c.publishedBytes.Load(),
		Delivered:      c.delivered.Load(),
		DeliveredBytes: c.deliveredBytes.Load(),
		Dropped:        c.dropped.Load(),
		Outdated:       c.outdated.Load(),
		Unsent:         c.unsent.Load(),
		Malformed:      c.malformed.Load(),
		Missed:         c.missed.Load(),
		Kept:           c.kept.Load(),
	}
	s.Waiting, s.WaitingBytes = r.outbox.holds()
	return s
}

// Timings returns how long one in [histogram.Rate] packets took: leave from when this node
// read media until NATS had it, transit from when it left another node until it was here. The
// latter is as good as the clocks, which are compared by the millisecond.
func (r *Relay) Timings() (leave, transit histogram.Reading) {
	return r.stats.leave.Read(), r.stats.transit.Read()
}
