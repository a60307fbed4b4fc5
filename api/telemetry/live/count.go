package live

import "sync/atomic"

// Counters are totals of a [Cluster]. They only grow.
type Counters struct {
	To, From Forwarded // other nodes

	// Events that went by before subscribers here read them, by whose they were.
	MissedOwn, MissedOthers atomic.Uint64
}

// Forwarded is what went from one node to another.
type Forwarded struct {
	Answers, Events atomic.Uint64
	Bytes           atomic.Uint64 // of answers, on NATS
}

func (f *Forwarded) add(events, bytes int) {
	f.Answers.Add(1)
	f.Events.Add(uint64(events))
	f.Bytes.Add(uint64(bytes))
}

func (c *Counters) missed(own bool, n uint64) {
	if own {
		c.MissedOwn.Add(n)
	} else {
		c.MissedOthers.Add(n)
	}
}

// Counters returns the totals.
func (c *Cluster) Counters() *Counters { return &c.counters }

// Subscribers returns how many subscriptions there are on this node, and how many questions of
// other nodes wait for events here: one for each filter that somebody there has.
func (c *Cluster) Subscribers() (here, elsewhere int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.subscriptions), len(c.turns)
}
