package telemetry

import (
	"context"
	"sync"
	"time"
)

// Event is a record as it is shown. What it points to is never changed.
type Event struct {
	Row    Row
	Kind   Kind
	Source *Source // of its session
	Number uint64  // of the event in the stream of its engine
}

// Cursor is a place in the stream of one engine. Numbers are known to the engine alone;
// when events came is on record as well, and no two events of an engine came at the same time.
type Cursor struct {
	Engine   int64
	Next     uint64 // number of the first event that was not seen
	Received int64  // of the last event before, microseconds since 1970; 0 without one
}

// ringSize is how many of the last events are kept for those who read or come back late.
const ringSize = 1 << 14

// hub shows events to whoever subscribes. Subscribers read from one ring, each at its own
// pace, so a slow one costs nobody anything and needs no memory of its own: what the ring has
// lost by then it is told the number of.
type hub struct {
	epoch int64

	mu      sync.Mutex
	ring    []Event
	next    uint64        // number of the event that comes next
	last    int64         // when the last one came
	changed chan struct{} // closed when there is more; nil while nobody waits
}

func newHub(epoch int64) *hub { return &hub{epoch: epoch, ring: make([]Event, ringSize)} }

// setBack is by how much an event may seem to have come before the last one without the clock
// having been put back, in microseconds.
const setBack = 60_000_000

// publish never blocks for longer than a copy. It moves the time of receipt by microseconds
// where another event came at the same time.
func (h *hub) publish(row *Row, kind Kind, source *Source) {
	h.mu.Lock()
	if row.Received <= h.last && h.last-row.Received < setBack {
		row.Received = h.last + 1
	}
	h.last = row.Received
	h.ring[h.next%ringSize] = Event{Row: *row, Kind: kind, Source: source, Number: h.next}
	h.next++
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	h.mu.Unlock()
}

// head is called with the lock held.
func (h *hub) head() Cursor { return Cursor{h.epoch, h.next, h.last} }

// oldest is the number of the first event in the ring. It is called with the lock held.
func (h *hub) oldest() uint64 { return h.next - min(h.next, ringSize) }

// Subscription reads events as they come. It is used from one goroutine and needs no end.
type Subscription struct {
	hub    *hub
	filter Filter
	next   uint64
	last   int64 // when the one before next came
	lagged uint64
	buf    []Event
}

// News is what a subscription has got.
type News struct {
	Events []Event // in their order, until the next call
	// Lagged is how many events, of all kinds, went by unread before these.
	Lagged uint64
	Cursor Cursor // to go on after these
}

// Subscribe returns a subscription to what comes from now on or, with a cursor of this engine,
// to what came after it. What is not there any more is a lag.
func (e *Engine) Subscribe(f Filter, from *Cursor) *Subscription {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &Subscription{hub: h, filter: f, next: h.next, last: h.last}
	if from != nil && from.Engine == h.epoch && from.Next <= h.next {
		s.next, s.last = from.Next, from.Received
	}
	return s
}

// ID returns the number of the engine, positive and different each time one is made. Sessions
// on record have it.
func (e *Engine) ID() int64 { return e.hub.epoch }

// Head returns the place after everything that was shown.
func (e *Engine) Head() Cursor {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	return e.hub.head()
}

// Keeps reports whether everything after a cursor of this engine is still there.
func (e *Engine) Keeps(c Cursor) bool {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.Engine == h.epoch && h.oldest() <= c.Next && c.Next <= h.next
}

// Locate returns the place after everything that came until a time in microseconds since 1970,
// and whether everything after it is still there. If not it is the first place that there is.
func (e *Engine) Locate(received int64) (Cursor, bool) {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.head()
	for oldest := h.oldest(); c.Next > oldest; c.Next-- {
		c.Received = h.ring[(c.Next-1)%ringSize].Row.Received
		if c.Received <= received {
			return c, true
		}
	}
	c.Received = 0
	return c, c.Next == 0
}

// Published returns how many events were shown since the engine was made, and how many of them
// are still there for those who come late.
func (e *Engine) Published() (all, kept uint64) {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next, min(h.next, ringSize)
}

// Recent returns the last events that the filter wants, n at most, the first first. It finds
// those that are still there; the slice is the caller's.
func (e *Engine) Recent(f Filter, n int) []Event {
	last, kept := e.Published()
	s := e.Subscribe(f, &Cursor{Engine: e.hub.epoch, Next: last - kept})
	var all []Event
	for s.next < last {
		if s.read() != nil {
			break
		}
		all = append(all, s.buf...)
		if len(all) > 2*n { // what is too old must not add up
			all = append(all[:0], all[len(all)-n:]...)
		}
	}
	return all[max(0, len(all)-n):]
}

// batchSize is how many events one call of Next reads at most.
const batchSize = 256

// quiet is how long a subscription rests that was woken for events that it does not want: with
// many of those it is woken so often and no more.
const quiet = 5 * time.Millisecond

// Next waits for events that the filter wants, or a lag, and returns them. The error is that
// of ctx.
func (s *Subscription) Next(ctx context.Context) (News, error) {
	for woken := false; ; woken = true {
		more := s.read()
		if len(s.buf) == 0 && s.lagged == 0 && woken {
			pause(ctx, quiet, nil)
			more = s.read()
		}
		if len(s.buf) > 0 || s.lagged > 0 {
			n := News{Events: s.buf, Lagged: s.lagged, Cursor: s.Cursor()}
			s.lagged = 0
			return n, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return News{Cursor: s.Cursor()}, ctx.Err()
		}
	}
}

// Cursor returns the place after what was read.
func (s *Subscription) Cursor() Cursor { return Cursor{s.hub.epoch, s.next, s.last} }

// read takes what is there and passes the filter. When that is nothing it returns a channel
// that is closed when there is more.
func (s *Subscription) read() <-chan struct{} {
	clear(s.buf)
	s.buf = s.buf[:0]
	h := s.hub
	for {
		h.mu.Lock()
		if oldest := h.oldest(); s.next < oldest {
			s.lagged += oldest - s.next
			s.next = oldest
		}
		if s.next == h.next {
			if h.changed == nil {
				h.changed = make(chan struct{})
			}
			more := h.changed
			h.mu.Unlock()
			return more
		}
		from := len(s.buf)
		for s.next < h.next && len(s.buf) < batchSize {
			s.buf = append(s.buf, h.ring[s.next%ringSize])
			s.last = h.ring[s.next%ringSize].Row.Received
			s.next++
		}
		h.mu.Unlock()
		kept := from
		for i := from; i < len(s.buf); i++ {
			if s.filter.Wants(&s.buf[i]) {
				s.buf[kept] = s.buf[i]
				kept++
			}
		}
		s.buf = s.buf[:kept]
		if kept > 0 {
			return nil
		}
	}
}
