package rooms

import (
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// streamState is what a queue remembers of a video stream.
type streamState struct {
	skipping bool
	begun    bool  // a keyframe was taken: what follows can be decoded
	reached  bool  // somebody was told that it began
	asked    int64 // Unix ns; when a keyframe was last wanted
}

// askAgain is how long a queue waits for a keyframe it asked for: two round trips of a slow
// path and an encoder's frame.
const askAgain = 500 * time.Millisecond

// Split leaves screen and video to PopPictures. From now on skip is called for every stream
// that skips to its next keyframe or that nobody sends any more; it must not block and not
// call the queue. Split is called before the first frame is pushed.
func (q *Queue) Split(skip func(media.StreamID)) {
	q.main.end = media.Screen
	q.pictures, q.skip = newOutlet(media.Screen, media.KindCount), skip
}

func (q *Queue) pushPicture(l *lane, f *media.Frame) (v Verdict, wantKey bool) {
	large := q.isTooLarge(f)
	q.tight[f.Kind-firstPicture].Store(large || q.isTight(l, f))
	q.expire(l, f)
	why := Full
	if large {
		why = Narrow
	}
	fits := !large && q.fits(l, f)
	s := q.streams.at(f.Stream())
	switch {
	case !fits:
		if large && s.asked > 0 {
			s.asked = f.Received.Add(narrowPause - askAgain).UnixNano()
		}
		q.skips(f.Stream(), s, s.begun || !f.Opaque)
	case f.Key:
		s.skipping, s.begun = false, true
	}
	// A receiver that meets a stream in its middle, or that skips, needs a keyframe. Whoever
	// encrypts and marks none is asked once and then trusted.
	if !f.Key && (s.skipping || !s.begun && (!f.Opaque || s.asked == 0)) &&
		l.bytes <= q.limits.Bytes[f.Kind]/2 && f.Received.UnixNano()-s.asked >= int64(askAgain) {
		if s.asked == 0 && !s.begun {
			q.tellBegins(f, false)
		}
		s.asked = f.Received.UnixNano()
		wantKey = true
	}
	switch {
	case !fits:
		q.loseOf(f.From, why, f.Kind, 1)
		return Dropped, wantKey
	case s.skipping:
		q.loseOf(f.From, Skipped, f.Kind, 1)
		return Dropped, wantKey
	}
	q.take(l, f)
	if !s.reached && (s.begun || f.Opaque) {
		s.reached = true
		q.tellBegins(f, true)
	}
	return Taken, wantKey
}

// isTight reports whether f comes when half of what may wait in its lane does, or has waited for
// half the time that it may.
func (q *Queue) isTight(l *lane, f *media.Frame) bool {
	return l.bytes > q.limits.Bytes[f.Kind]/2 ||
		l.len() > 0 && q.limits.Age[f.Kind] > 0 && f.Received.Sub(l.oldest().Received) > q.limits.Age[f.Kind]/2
}

// skips notes whether a stream skips to its next keyframe.
func (q *Queue) skips(id media.StreamID, s *streamState, skipping bool) {
	if skipping && !s.skipping && q.skip != nil {
		q.skip(id)
	}
	s.skipping = skipping
}

// expire takes out the pictures that are no longer worth sending when f comes: who blocks on
// an earlier part of the same stream need not wait until it gets through.
func (q *Queue) expire(l *lane, f *media.Frame) {
	limit := q.limits.Age[f.Kind]
	for limit > 0 && l.len() > 0 && f.Received.Sub(l.oldest().Received) > limit {
		q.tooOld(l.pop())
	}
}

// stale reports whether f, just popped, is not worth sending any more. A video stream then
// skips to its next keyframe, here or among the frames to come.
func (q *Queue) stale(f *media.Frame, now time.Time) bool {
	limit := q.main.ration.limit(f, now, q.limits.Age[f.Kind])
	if limit == 0 || now.Sub(f.Received) <= limit {
		return false
	}
	q.tooOld(f)
	return true
}

func (q *Queue) tooOld(f *media.Frame) {
	q.loseOf(f.From, Stale, f.Kind, 1)
	q.follow(f)
}

// follow drops what cannot be decoded without f, which was popped and goes no further.
func (q *Queue) follow(f *media.Frame) {
	s := q.streams.find(f.Stream())
	if s == nil || !s.begun && f.Opaque {
		return
	}
	removed, found := q.lanes[f.Kind].skipToKey(f.Stream())
	q.loseOf(f.From, Skipped, f.Kind, removed)
	if found && q.skip != nil {
		q.skip(f.Stream()) // to a keyframe that waits already
	}
	q.skips(f.Stream(), s, s.skipping || !found)
}

// purge drops what waits of some sources of some sessions. Their video goes on with its next
// keyframe.
func (q *Queue) purge(of func(media.SessionID) bool, sources wire.Sources) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, stream := range []wire.Stream{wire.Audio, wire.Video, wire.Screen} {
		if !sources.Has(stream) {
			continue
		}
		kind := kindOfStream(stream)
		q.remove(kind, of)
		for id, s := range q.streams.all() {
			if id.Kind == kind && of(id.Session) {
				q.skips(id, s, s.begun)
			}
		}
	}
}

// await makes some streams wait for their next keyframe, if they had one before.
func (q *Queue) await(streams func(media.StreamID) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, s := range q.streams.all() {
		if streams(id) {
			q.skips(id, s, s.begun)
		}
	}
}

// forgetStreams makes the queue ask for a keyframe of every stream it meets from now on.
func (q *Queue) forgetStreams() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.streams = table[streamState]{}
	q.heard = false
}
