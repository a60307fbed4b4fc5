package telemetry

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Event is a record as it is shown. What it points to is never changed.
type Event struct {
	Row    Row
	Kind   Kind
	Source *Source // of its session
	Number uint64  // of the event in the stream of its engine
}

// Cursor is a place in the stream of one engine. Its text is for clients to hand back.
type Cursor struct {
	epoch int64  // of the engine
	next  uint64 // number of the first event that was not seen
}

// String returns the text of a cursor.
func (c Cursor) String() string { return fmt.Sprintf("%x-%x", uint64(c.epoch), c.next) }

// ParseCursor is the inverse of String.
func ParseCursor(text string) (Cursor, error) {
	epoch, next, _ := strings.Cut(text, "-")
	e, err := strconv.ParseUint(epoch, 16, 64)
	if err != nil {
		return Cursor{}, fmt.Errorf("not a cursor: %w", err)
	}
	n, err := strconv.ParseUint(next, 16, 64)
	if err != nil {
		return Cursor{}, fmt.Errorf("not a cursor: %w", err)
	}
	return Cursor{int64(e), n}, nil
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
	changed chan struct{} // closed when there is more; nil while nobody waits
}

func newHub(epoch int64) *hub { return &hub{epoch: epoch, ring: make([]Event, ringSize)} }

// publish never blocks for longer than a copy.
func (h *hub) publish(e Event) {
	h.mu.Lock()
	e.Number = h.next
	h.ring[h.next%ringSize] = e
	h.next++
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	h.mu.Unlock()
}

// Subscription reads events as they come. It is used from one goroutine and needs no end.
type Subscription struct {
	hub    *hub
	filter Filter
	next   uint64
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

// Subscribe returns a subscription to what comes from now on or, with a cursor, to what came
// after it as far as that is still there.
func (e *Engine) Subscribe(f Filter, from *Cursor) *Subscription {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &Subscription{hub: h, filter: f, next: h.next}
	if from != nil && from.epoch == h.epoch && from.next <= h.next {
		s.next = from.next
	}
	return s
}

// Resumes reports whether a cursor is of this engine and not of one before.
func (e *Engine) Resumes(c Cursor) bool { return c.epoch == e.hub.epoch }

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
	s := e.Subscribe(f, &Cursor{e.hub.epoch, last - kept})
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

// Next waits for events that the filter wants, or a lag, and returns them. The error is that
// of ctx.
func (s *Subscription) Next(ctx context.Context) (News, error) {
	for {
		more := s.read()
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
func (s *Subscription) Cursor() Cursor { return Cursor{s.hub.epoch, s.next} }

// read takes what is there and passes the filter. When that is nothing it returns a channel
// that is closed when there is more.
func (s *Subscription) read() <-chan struct{} {
	clear(s.buf)
	s.buf = s.buf[:0]
	h := s.hub
	for {
		h.mu.Lock()
		if h.next-s.next > ringSize {
			oldest := h.next - ringSize
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
