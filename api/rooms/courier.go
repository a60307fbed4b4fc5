package rooms

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"parley/api/histogram"
	"parley/api/media"
)

// courier brings what waits in queues to their connections, for a group of sessions: that costs
// one wake-up where a goroutine for each session costs as many as there are. A connection that
// cannot take more without waiting is left to the goroutine of its session, so nobody waits for a
// slow receiver.
//
// Who has pictures apart is served in two parts: all else goes first, and on a busy node in between, too.
//
// Pictures and sound may each have a window: what comes until it is over goes out together, and what comes
// after a pause at once. Whatever is more urgent takes along what waits for the same connection. A window of
// sound begins one of pictures.
//
// In a crowd a round takes milliseconds, and one after the other for nearly every packet is more than
// a machine can do. So a long round is followed by a rest, and what comes meanwhile goes out together.
//
// It runs while there are sessions in its group.
type courier struct {
	busy  func() bool
	ready chan struct{} // capacity 1

	mu       sync.Mutex
	due      calls
	pictures calls // of who has them apart
	windows  [urgencies]window
	sessions int
	running  bool

	sampler histogram.Sampler // of the goroutine that runs
}

// calls are outlets that call a courier.
type calls struct {
	waiting []*outlet // since they were last taken; the mu of the courier guards them
	taken   []*outlet // by the goroutine that runs
}

// carriedMost is how many sessions of a room share a courier: few enough not to wait for each
// other, and that a large room has the whole machine.
const carriedMost = 32

const (
	// longRound is how long a round takes that is followed by a rest: less than that is no matter,
	// and timers are late by as much.
	longRound = time.Millisecond

	// restTimes is how many times as long as a long round it is until the next, and so which part
	// of a processor a courier takes: the rest is for reading, which brings what there is to write.
	restTimes = 3

	// restMost is how long it is until the next round at most: half of what people may wait for
	// packets in a crowd.
	restMost = 10 * time.Millisecond
)

// employ finds a courier for s, if it can use one. When s is over, which ends ctx, leave has to be
// called.
func (h *Hub) employ(ctx context.Context, s *Session) (leave func()) {
	eager, ok := s.conn.(media.EagerConn)
	if !ok {
		return func() {}
	}
	c, r := h.courierFor(s.room), s.room
	if c.join() {
		h.work.Go(c.run)
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.main.employ(c, s, eager.Offer)
	s.writeAtTimes(ctx)
	if r, ok := eager.(media.RationedConn); ok {
		s.out.ration(r)
	}
	if p, ok := eager.(media.EagerPictureConn); ok {
		s.out.pictures.ration = s.out.main.ration
		s.out.pictures.employ(c, s, p.OfferPictures)
		s.writePicturesAtTimes(ctx, p)
	}
	if s.out.err != nil { // ended on its way in
		s.out.claim()
	}
	return func() {
		c.leave()
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.courier == c {
			r.carried--
		}
	}
}

// courierFor counts one more session of r with the courier that it returns.
func (h *Hub) courierFor(r *Room) *courier {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.couriers) < runtime.GOMAXPROCS(0) {
		h.couriers = append(h.couriers, newCourier(h.windows, h.busy))
	}
	if r.courier == nil || r.carried >= carriedMost {
		r.courier = slices.MinFunc(h.couriers, func(a, b *courier) int { return cmp.Compare(a.load(), b.load()) })
		r.carried = 0
	}
	r.carried++
	return r.courier
}

func newCourier(windows lengths, busy func() bool) *courier {
	c := &courier{busy: busy, ready: make(chan struct{}, 1)}
	for u := range c.windows {
		c.windows[u].length = windows[u]
	}
	return c
}

func (c *courier) load() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions
}

// call puts o on the list of the next round. It does not block; the mu of the queue is held.
func (c *courier) call(o *outlet) {
	to := &c.due
	switch {
	case o.urgency != atOnce:
		to = &c.windows[o.urgency].calls
	case o.first.IsPicture():
		to = &c.pictures
	}
	c.mu.Lock()
	to.waiting = append(to.waiting, o)
	o.calls[o.urgency] = true
	c.windows[o.urgency].callers.Add(1)
	first := len(to.waiting) == 1
	c.mu.Unlock()
	if first {
		wake(c.ready)
	}
}

// hangUp says that o does not wait any more for what it called for, and must come before it calls again or is
// served. It does not block; the mu of the queue is held.
func (c *courier) hangUp(o *outlet) {
	for u, called := range o.calls {
		if called {
			c.windows[u].callers.Add(-1)
		}
	}
	o.calls = [urgencies]bool{}
}

// join adds a session and reports whether somebody has to call run.
func (c *courier) join() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions++
	start := !c.running
	c.running = true
	return start
}

// leave takes a session out, whose goroutines have its outlets.
func (c *courier) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions--; c.sessions == 0 {
		wake(c.ready)
	}
}

// run goes rounds until the last session has left.
func (c *courier) run() {
	batch := make([]*media.Frame, 0, batchFrames)
	pause, later := time.NewTimer(0), time.NewTimer(0)
	defer pause.Stop()
	later.Stop() // until somebody waits for a window
	defer later.Stop()
	var begin time.Time   // the last round
	var gap time.Duration // between the beginnings of two
	for {
		select {
		case <-c.ready:
		case <-later.C:
		}
		if early := gap - time.Since(begin); early > 0 {
			pause.Reset(early)
			<-pause.C
		}
		c.mu.Lock()
		if c.sessions == 0 {
			c.running = false
			c.due, c.pictures = calls{}, calls{} // of sessions that have left
			for u := range c.windows {
				c.windows[u].calls = calls{}
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		now := time.Now()
		served := c.serveUrgent(batch)
		served = c.servePatient(&c.pictures, batch) || served
		served = c.open(forPictures, batch) || served
		if next, ok := c.next(); ok {
			later.Reset(next)
		}
		if !served {
			continue // whoever called was served in the last round
		}
		begin, gap = now, 0
		if took := time.Since(begin); took >= longRound {
			gap = min(restTimes*took, restMost)
		}
	}
}

// serveDue serves whoever called for what waits for nothing, and reports whether there was something to bring.
func (c *courier) serveDue(batch []*media.Frame) (served bool) {
	due := c.take(&c.due)
	for i, o := range due {
		served = c.serve(o, batch) || served
		due[i] = nil
		if i%turnOutlets == turnOutlets-1 {
			runtime.Gosched()
		}
	}
	return served
}

// serveUrgent is serveDue, and the same for sound if its window opens.
func (c *courier) serveUrgent(batch []*media.Frame) (served bool) {
	served = c.serveDue(batch)
	return c.open(forSound, batch) || served
}

// servePatient is serveDue for pictures apart, and for whoever waited for a window. The latter are many, so
// what is more urgent by then goes before each.
//
// What is brought to a QUIC connection is sent by a goroutine of its own. On a busy node those stand in
// one line, and all that comes in stands behind them, several times on its way. So there the next
// pictures are brought when the line is through, and what is more urgent by then goes before them.
func (c *courier) servePatient(from *calls, batch []*media.Frame) (served bool) {
	patient := c.take(from)
	for i, o := range patient {
		served = c.serve(o, batch) || served
		patient[i] = nil
		busy := c.busy()
		if busy && o.first.IsPicture() || i%turnOutlets == turnOutlets-1 {
			runtime.Gosched()
		}
		switch {
		case from == &c.windows[forSound].calls:
			c.serveDue(batch)
		case busy || from != &c.pictures:
			c.serveUrgent(batch)
		}
	}
	return served
}

// take returns whoever called. It is good until the next time.
func (c *courier) take(from *calls) []*outlet {
	c.mu.Lock()
	defer c.mu.Unlock()
	from.waiting, from.taken = from.taken[:0], from.waiting
	return from.taken
}

// serve brings one batch of o to its connection, and reports whether there was one. What else waits is for
// the next round.
func (c *courier) serve(o *outlet, batch []*media.Frame) bool {
	batch = o.session.out.popCalled(batch, o)
	if len(batch) == 0 {
		return false
	}
	left, ok := o.session.offer(&c.sampler, o, batch)
	o.session.out.offered(o, left, ok)
	clear(batch)
	return true
}
