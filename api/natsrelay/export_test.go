package natsrelay

import (
	"time"

	"parley/api/media"
)

// ByHand keeps a relay, before Run, from finding out by itself where it is alone, and makes it wait for
// other nodes as long as a busy machine needs.
func (r *Relay) ByHand() { r.settling, r.greeting = 24*time.Hour, 2*time.Minute }

// Settle does what a relay does every second, as if so much time had passed since it last did.
func (r *Relay) Settle(passed time.Duration) {
	r.mu.Lock()
	for _, l := range r.links {
		l.company, l.asked = l.company.Add(-passed), l.asked.Add(-passed)
	}
	r.mu.Unlock()
	r.settle(time.Now())
}

// Alone reports whether no other node takes part in a room that is open.
func (r *Relay) Alone(room media.RoomID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links[room].alone.Load()
}
