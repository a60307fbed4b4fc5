// Package intake bounds what packets on their way into a node hold in memory: each may be as large as
// packets may be, and come as slowly as its transport allows.
package intake

import (
	"container/list"
	"sync"
	"time"

	"parley/api/fault"
)

const (
	// Default is what packets on their way in may hold together on a node, in bytes: dozens of the
	// largest.
	Default = 256 << 20

	// Free is what the packets of each sender may have together without being counted, in bytes:
	// nearly all are smaller, and come one after the other.
	Free = 64 << 10

	// soon is how long a packet that counts may take when others need its memory: one that is sent by
	// somebody who is in a call takes less.
	soon = time.Second
)

// ErrCrowded ends connections whose large packets take memory that others need.
var ErrCrowded = &fault.Error{Code: fault.Slow, Message: "too many large packets are on their way", Retry: 2 * time.Second}

// Intake bounds what packets hold until their session takes them, of all connections together. When there
// is too much, those that take longest are given up. Any goroutine may use it; nil bounds nothing.
type Intake struct {
	most int64

	mu      sync.Mutex
	held    int64
	givenUp uint64
	counted list.List // of *Arrival, by since when they count
}

// New returns an Intake for so many bytes.
func New(most int64) *Intake { return &Intake{most: most} }

// Arrival is one packet on its way in. One goroutine at a time uses it.
type Arrival struct {
	in     *Intake
	end    func()
	counts bool

	// Guarded by mu of in.
	size  int64
	since time.Time
	place *list.Element // nil before it counts, and once it was given up
}

// Begin is called for a packet that may become large, and Done once its session took it or it is given up.
// end is called at most once, by another goroutine, when others need the memory; it does not block for long.
func (i *Intake) Begin(end func()) *Arrival { return &Arrival{in: i, end: end} }

// Hold reports whether the packet may take so many bytes in all, never less than before; together are
// those of all packets of its sender.
func (a *Arrival) Hold(size, together int64) bool {
	i := a.in
	if i == nil || together <= Free {
		return true
	}
	i.mu.Lock()
	ending, ok := i.makeRoom(a, size-a.size)
	if ok {
		if !a.counts {
			a.counts, a.since = true, time.Now()
			a.place = i.counted.PushBack(a)
		}
		i.held += size - a.size
		a.size = size
	}
	i.mu.Unlock()
	for _, e := range ending {
		e.end()
	}
	return ok
}

// makeRoom gives up others until there is room for so much of a; mu is held.
func (i *Intake) makeRoom(a *Arrival, more int64) (ending []*Arrival, ok bool) {
	if a.counts && a.place == nil { // it was given up
		return nil, false
	}
	for at := i.counted.Front(); at != nil && i.held+more > i.most; {
		other := at.Value.(*Arrival)
		if time.Since(other.since) < soon {
			break
		}
		at = at.Next()
		if other != a {
			ending = append(ending, other)
			i.drop(other)
		}
	}
	ok = i.held+more <= i.most
	i.givenUp += uint64(len(ending))
	if !ok {
		i.givenUp++
	}
	return ending, ok
}

// drop counts a no more; mu is held.
func (i *Intake) drop(a *Arrival) {
	if a.place != nil {
		i.counted.Remove(a.place)
		i.held -= a.size
		a.size, a.place = 0, nil
	}
}

// Done gives the memory back. The packet has other owners from now on.
func (a *Arrival) Done() {
	if !a.counts {
		return
	}
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	a.in.drop(a)
}

// Stats is what an Intake says of itself.
type Stats struct {
	Held, Most int64  // of packets that count, in bytes
	GivenUp    uint64 // packets, ever, that had to give way to others or found no room
}

// Stats returns what is so now.
func (i *Intake) Stats() Stats {
	i.mu.Lock()
	defer i.mu.Unlock()
	return Stats{Held: i.held, Most: i.most, GivenUp: i.givenUp}
}

// Held returns what packets that count hold, in bytes.
func (i *Intake) Held() int64 { return i.Stats().Held }
