package natsrelay

import "sync/atomic"

// Stats are cumulative counts of packets since the relay was made.
type Stats struct {
	Published uint64 // handed to NATS
	Delivered uint64 // handed to sinks
	Dropped   uint64 // no room in the outbox
	Outdated  uint64 // older than MaxAge, here or at the sender
	Unsent    uint64 // refused by the connection: too large, or closed
	Malformed uint64 // from nobody, or larger than any packet
	Missed    uint64 // came faster than the sinks took them; of closed links
}

type counters struct {
	published, delivered, dropped, outdated, unsent, malformed, missed atomic.Uint64
}

// Stats returns what was counted so far.
func (r *Relay) Stats() Stats {
	c := &r.stats
	return Stats{
		Published: c.published.Load(),
		Delivered: c.delivered.Load(),
		Dropped:   c.dropped.Load(),
		Outdated:  c.outdated.Load(),
		Unsent:    c.unsent.Load(),
		Malformed: c.malformed.Load(),
		Missed:    c.missed.Load(),
	}
}
