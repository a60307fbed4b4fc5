// Package intake bounds what packets on their way into a node hold in memory: each may be as large as
// packets may be, and come as slowly as its transport allows.
package intake

import (
	"slices"
	"sync"
	"time"
)

const (
	// Default is what packets on their way in may hold together on a node, in bytes: dozens of the
	// largest.
	Default = 256 << 20

	// Free is what each of them may have without being counted, in bytes: nearly all are smaller.
	Free = 64 << 10

	// soon is how long a large packet may take when others need its memory: one that is sent by
	// somebody who is in a call takes less.
	soon = time.Second
)

// Intake bounds what packets that are not complete hold, of all connections together. When there is too
// much, those that take longest are given up. Any goroutine may use it; nil bounds nothing.
type Intake struct {
	most int64

	mu    sync.Mutex
	held  int64
	large []*Arrival // by when they became large
}

// New returns an Intake for so many bytes.
func New(most int64) *Intake { return &Intake{most: most} }

// Arrival is one packet on its way in. One goroutine uses it.
type Arrival struct {
	in   *Intake
	end  func()
	size int64 // that counts; guarded by mu of in, as is the rest

	since time.Time
	over  bool // it was given up
}

// Begin is called for a packet that may become large, and Done once it is complete or given up. end is called
// at most once, by another goroutine, when others need the memory; it does not block for long.
func (i *Intake) Begin(end func()) *Arrival { return &Arrival{in: i, end: end} }

// Hold reports whether the packet may take so many bytes in all.
func (a *Arrival) Hold(size int64) bool {
	i := a.in
	if i == nil || size <= Free {
		return true
	}
	i.mu.Lock()
	ending, ok := i.makeRoom(a, size-a.size)
	if ok {
		if a.since.IsZero() {
			a.since = time.Now()
			i.large = append(i.large, a)
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
	if a.over {
		return nil, false
	}
	for _, other := range i.large {
		if i.held+more <= i.most || time.Since(other.since) < soon {
			break
		}
		if other != a {
			ending = append(ending, other)
			i.held -= other.size
			other.size, other.over = 0, true
		}
	}
	i.large = slices.DeleteFunc(i.large, func(o *Arrival) bool { return o.over })
	return ending, i.held+more <= i.most
}

// Done gives the memory back. The packet has other owners from now on.
func (a *Arrival) Done() {
	i := a.in
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.held -= a.size
	a.size, a.over = 0, true
	i.large = slices.DeleteFunc(i.large, func(o *Arrival) bool { return o == a })
}

// Held returns what large packets on their way in hold, in bytes.
func (i *Intake) Held() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held
}
