package rooms

import (
	"slices"
	"time"

	"parley/api/media"
)

const (
	// rationedAge is how long sound and pictures may wait while the client allows less than there is,
	// or the shortest round trip where that is longer, as leave takes as long: half of what people may wait for
	// all of the way.
	rationedAge = 25 * time.Millisecond

	// shortageLeast is how long all frames have to be late, one after the other, before that is a shortage
	// that lasts: leave that comes for many at once, on a machine with other things to do, is none.
	shortageLeast = 100 * time.Millisecond

	// shortageEnds is how long no frame has to be late until a shortage is over. That there are none
	// because their stream skips to its next keyframe does not mean that there is enough now.
	shortageEnds = 5 * time.Second
)

// ration is how a queue deals with a connection that may take too little. Much more waits there than
// would elsewhere, for as long as frames may wait, and all that gets through is old. Since what is too
// much is lost in any case, it is lost early.
type ration struct {
	conn media.RationedConn

	rationed  time.Time // when a frame last waited for leave
	shortages [media.KindCount]shortage
}

// shortage is what is known of the frames of one kind.
type shortage struct {
	began, last time.Time // when frames that waited for leave were late: the first of them, and the last
	lasts       bool      // it is none of the bursts that leave all in good time afterwards
}

// ration makes frames wait in q for a connection that may take few, and not with who writes to it:
// here they can be overtaken and dropped. The mu of the queue is held.
func (q *Queue) ration(c media.RationedConn) {
	q.main.ration = &ration{conn: c}
}

// limit returns how old f may be that is popped, where it could else be limit, and 0 is any age.
func (r *ration) limit(f *media.Frame, now time.Time, limit time.Duration) time.Duration {
	if r == nil {
		return limit
	}
	if r.conn.Rationed() {
		r.rationed = now
	}
	if f.Kind == media.Control || f.Kind == media.Data {
		return limit
	}
	late := now.Sub(f.Received) > rationedAge
	if !r.shortages[f.Kind].look(late, now.Sub(r.rationed) < shortageLeast, now) {
		return limit
	}
	if age := max(rationedAge, r.conn.RoundTrip()); limit == 0 || age < limit {
		return age
	}
	return limit
}

// look is told of every frame, and whether there was too little leave lately. It reports whether the
// frame comes too late.
func (s *shortage) look(late, rationed bool, now time.Time) bool {
	gap := now.Sub(s.last)
	if gap > shortageEnds || !s.lasts && (!late || gap > shortageLeast) {
		s.began, s.lasts = now, false
	}
	if !late || !rationed {
		return false
	}
	s.last = now
	s.lasts = s.lasts || now.Sub(s.began) >= shortageLeast
	return s.lasts
}

// isShort reports whether a frame waited for leave lately.
func (r *ration) isShort() bool { return r.conn.Rationed() || time.Since(r.rationed) < shortageLeast }

// awaited is told since when leave was waited for that has come: long enough, and it is a shortage, though
// no frame was looked at meanwhile.
func (q *Queue) awaited(o *outlet, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, r := time.Now(), o.ration
	if r == nil || now.Sub(since) < shortageLeast {
		return
	}
	r.rationed = now
	for kind := o.first; kind < o.end; kind++ {
		r.shortages[kind] = shortage{began: since, last: now, lasts: true}
	}
}

// putBack puts what the courier's connection did not take before all that waits; q.mu is held.
func (q *Queue) putBack(o *outlet, left []*media.Frame) {
	for i := len(left) - 1; i >= 0; i-- {
		f := left[i]
		switch {
		case q.err != nil && f.Kind != media.Control:
			q.lose(Closed, f.Kind, 1)
		case slices.Contains(o.gone, f.From):
			q.lose(Withdrawn, f.Kind, 1)
		default:
			q.lanes[f.Kind].unpop(f)
		}
	}
	o.gone = nil
}
