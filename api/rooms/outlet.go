package rooms

import (
	"errors"

	"parley/api/media"
)

// holder says who may pop from an outlet.
type holder uint8

const (
	ofSession holder = iota // the goroutine of the session: always, when there is no courier
	ofNobody                // nothing waits
	called                  // the courier is going to
	ofCourier               // it is at it
)

// outlet is the way out of a queue for some kinds. Frames are popped by a courier, which does it
// for many sessions, until their connection takes no more at once; then by the goroutine of the
// session, which can wait, until nothing is left or it need not wait any more. All but ready is
// guarded by the mu of the queue.
type outlet struct {
	first, end media.Kind
	ready      chan struct{} // capacity 1: the session's goroutine has something to do
	start      func()        // starts that goroutine, which calls popAtTimes; nil when it always is

	courier *courier // nil is none
	session *Session
	offer   func([]*media.Frame) ([]*media.Frame, bool)
	ration  *ration // nil where frames need no leave

	turn    holder
	urgency urgency           // the most urgent for which the courier was called
	calls   [urgencies]bool   // all that it was called for
	cut     bool              // the courier popped not all that waited
	works   bool              // the goroutine that was started
	wrote   bool              // it wrote a frame since it has the outlet
	wanted  bool              // by the session, while the courier is at it
	left    []*media.Frame    // of what the courier popped
	gone    []media.SessionID // that were to be forgotten while the courier had frames
	flying  *media.Frame      // what the session's goroutine writes, if it is larger than a batch
}

func newOutlet(first, end media.Kind) outlet {
	return outlet{first: first, end: end, ready: make(chan struct{}, 1)}
}

// call says that there is something to pop.
func (o *outlet) call(u urgency) {
	switch {
	case o.turn == ofSession:
		o.summon()
	case o.turn == ofNobody:
		o.turn, o.urgency = called, o.patience(u)
		o.courier.call(o)
	case o.turn == called && u < o.urgency: // it has called for the less urgent as well: that may open first
		o.urgency = o.patience(u)
		o.courier.call(o)
	}
}

// claim gives the outlet to the goroutine of the session, as soon as the courier is done.
func (o *outlet) claim() {
	switch o.turn {
	case ofCourier:
		o.wanted = true
		return
	case called:
		o.courier.hangUp(o)
	}
	o.turn = ofSession
	o.summon()
}

// claim gives all outlets to the goroutines of the session; q.mu is held.
func (q *Queue) claim() {
	q.main.claim()
	if q.pictures.ready != nil {
		q.pictures.claim()
	}
}

// summon calls the goroutine of the session.
func (o *outlet) summon() {
	switch {
	case o.start == nil:
		wake(o.ready)
	case !o.works:
		o.works = true
		o.start()
	}
}

// empty reports whether nothing waits for o; q.mu is held.
func (q *Queue) empty(o *outlet) bool {
	for kind := o.first; kind < o.end; kind++ {
		if q.lanes[kind].len() > 0 {
			return false
		}
	}
	return true
}

// employ lets c pop from o, and offer take what it pops. It is called before the first Push; the mu of the queue is held.
func (o *outlet) employ(c *courier, s *Session, offer func([]*media.Frame) ([]*media.Frame, bool)) {
	o.courier, o.session, o.offer, o.turn = c, s, offer, ofNobody
}

// pop waits until it is the turn of the session's goroutine, and pops. It may return nothing: what
// the courier could not bring to its end has to be. Close ends the wait.
func (q *Queue) pop(batch []*media.Frame, o *outlet) ([]*media.Frame, error) {
	for {
		got, done, err := q.popOwn(batch, o)
		if done || err != nil {
			return got, err
		}
		<-o.ready
	}
}

// errNothing says that the courier has the outlet again.
var errNothing = errors.New("nothing is to be written")

// popAtTimes pops from o for a goroutine that was started for it, which has to end on any error.
// After one that is not errNothing there will be no other.
func (q *Queue) popAtTimes(batch []*media.Frame, o *outlet) ([]*media.Frame, error) {
	got, done, err := q.popOwn(batch, o)
	if !done && err == nil {
		err = errNothing
	}
	return got, err
}

// waits reports whether it is the turn of the session's goroutine, and something to pop.
func (q *Queue) waits(o *outlet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return o.turn == ofSession && !q.isThrough(o) && (o.left != nil || !q.empty(o))
}

// popOwn pops for the goroutine of the session if it is its turn, and gives that up when there is
// nothing, or nothing to wait for.
func (q *Queue) popOwn(batch []*media.Frame, o *outlet) (got []*media.Frame, done bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o.flying = nil // who pops has written what it popped before
	q.wide = false
	if o.turn != ofSession {
		o.works = false
		return batch, false, nil
	}
	if o.left != nil {
		got, o.left = append(batch, o.left...), nil
		return got, true, nil
	}
	if q.isThrough(o) {
		o.returns()
		if !q.empty(o) {
			o.call(atOnce)
		}
		return batch, false, nil
	}
	most := batch
	if o.ration != nil {
		most = batch[: len(batch) : len(batch)+1]
	}
	got, err = q.collect(most, o.first, o.end)
	if n := len(got); n > len(batch) {
		if last := got[n-1]; len(last.Wire) > batchBytes { // a batch ends with it
			o.flying = last
		}
		o.wrote = true
		return got, true, err
	}
	if err != nil {
		return got, true, err
	}
	if o.courier != nil {
		o.returns()
	}
	return batch, false, nil
}

// isThrough reports whether the session's goroutine has waited for what the courier could not, and need
// not go on with what else there is; q.mu is held. It would do so frame by frame, where the courier has
// a batch sent at once.
func (q *Queue) isThrough(o *outlet) bool {
	return o.wrote && o.ration != nil && q.err == nil && !o.ration.isShort() && !q.isForSession(o)
}

// returns gives the outlet back to the courier, from the goroutine of the session.
func (o *outlet) returns() { o.turn, o.works, o.wrote = ofNobody, false, false }

// popCalled pops for the courier, if the outlet is still its own and what comes next can be
// offered: a large frame fits into no buffer of a connection.
func (q *Queue) popCalled(batch []*media.Frame, o *outlet) []*media.Frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.turn != called {
		return batch
	}
	if q.err != nil || q.isForSession(o) {
		o.claim()
		return batch
	}
	o.courier.hangUp(o)
	got, _ := q.collect(batch, o.first, o.end)
	if len(got) == len(batch) {
		o.turn = ofNobody
		return batch
	}
	o.turn, o.cut = ofCourier, !q.empty(o)
	return got
}

// isForSession reports whether the courier is too often refused to try; q.mu is held. On a busy node it is
// the processor that QUIC connections wait for, and fewer goroutines share that better.
func (q *Queue) isForSession(o *outlet) bool {
	return q.isLarge(o) && (o.ration == nil || !o.courier.busy())
}

// isLarge reports whether more waits of a kind than a batch carries: one large frame, or what a receiver
// that is behind did not get yet; q.mu is held.
func (q *Queue) isLarge(o *outlet) bool {
	most := q.batchMost()
	for kind := o.first; kind < o.end; kind++ {
		if l := &q.lanes[kind]; l.bytes > most {
			return true
		}
	}
	return false
}

// putsBack reports whether what the connection did not take waits in q, where it can be overtaken and become
// too old, and not with who writes to it.
func (o *outlet) putsBack(q *Queue) bool { return o.ration != nil || q.rate != nil }

// offered ends the courier's turn: left is what its connection did not take, and ok that it may be
// offered more.
func (q *Queue) offered(o *outlet, left []*media.Frame, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wide = ok && q.isWide()
	wanted := o.wanted || !ok
	o.turn, o.wanted = ofNobody, false
	if !wanted {
		o.gone = nil
	}
	switch {
	case wanted && o.putsBack(q):
		q.putBack(o, left)
		if o.ration == nil {
			o.left = []*media.Frame{} // what was begun is brought to its end first
		}
		o.claim()
	case wanted:
		o.left = append(make([]*media.Frame, 0, len(left)), left...)
		o.claim()
	case o.cut: // and has waited for its window
		o.call(atOnce)
	case !q.empty(o):
		o.call(q.urgency(o))
	}
}
