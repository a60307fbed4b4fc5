package rooms

import (
	"sync"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// QueueLimits bound what may wait for one session.
type QueueLimits struct {
	// Bytes that may wait, by kind. A single frame always fits into an empty lane.
	Bytes [media.KindCount]int
	// Age of the oldest frame worth sending, by kind; 0 keeps a kind for ever.
	Age [media.KindCount]time.Duration
}

// DefaultQueueLimits returns the limits in use. Together they hold at most 8 MiB and one
// packet per kind.
func DefaultQueueLimits() QueueLimits {
	return QueueLimits{
		Bytes: [media.KindCount]int{
			media.Control: 1 << 20,   // some 8,000 events: a client that far behind is lost
			media.Audio:   256 << 10, // 60 speakers at 32 kbit/s for a second
			media.Data:    512 << 10,
			media.Screen:  4 << 20, // a 4K keyframe
			media.Video:   2 << 20, // 20 cameras at 800 kbit/s for a second
		},
		Age: [media.KindCount]time.Duration{
			media.Audio:  time.Second, // longer than video: where there is too much of everything, sound stays
			media.Data:   5 * time.Second,
			media.Screen: 2 * time.Second,
			media.Video:  800 * time.Millisecond, // people notice half a second
		},
	}
}

// Verdict is what a queue did with a frame.
type Verdict uint8

// The verdicts.
const (
	Taken   Verdict = iota
	Dropped         // it did not fit, or its stream waits for a keyframe
	Refused         // the queue is closed
)

// Queue is the outbound buffer of one session: any goroutine may Push, one may Pop.
//
// Each kind has a lane and a budget of its own, so a burst of video cannot push out audio;
// lanes are served in the order of the kinds. Within a lane frames stay in order:
//
//	control        full: the session ends with fault.Slow, it would be wrong for ever
//	audio, data    full or too old: this frame is lost
//	screen, video  full or too old: the stream skips to its next keyframe
//
// A stream whose sender encrypts and marks no keyframes cannot be skipped: it loses single
// frames.
type Queue struct {
	// What every Push uses comes first, so that it shares a line of the processor's caches.
	mu      sync.Mutex // guards all but limits, skip and begins, and of tight the writes
	tight   [pictures]atomic.Bool
	heard   bool // there was sound
	wide    bool // isWide, when a courier last wrote; false once the session's goroutine has
	limits  *QueueLimits
	err     error // set once: no more frames; what is left of control is still popped
	streams table[streamState]
	main    outlet
	lanes   [media.KindCount]lane

	rate func() int  // of a GaugedConn; nil is not known
	busy func() bool // whether the node is; with rate

	pictures outlet               // part of main until the queue is split
	skip     func(media.StreamID) // of the split

	// begins is told of the first frame of a picture stream that can be decoded, and of the
	// first sound; also of one that nothing follows from before a keyframe came. It is called
	// with mu held; nil is nobody.
	begins func(f *media.Frame, decodable bool)

	lost   *Drops          // nil while nothing was
	losses map[Loss]uint64 // what of lost is not taken yet, of frames with a sender; nil while there is none
}

// NewQueue returns an empty queue.
func NewQueue(limits QueueLimits) *Queue { return newQueue(&limits) }

// newQueue is NewQueue with limits that many share.
func newQueue(limits *QueueLimits) *Queue {
	return &Queue{limits: limits, main: newOutlet(media.Control, media.KindCount)}
}

// Push queues f. It never blocks. wantKey says that this receiver cannot decode the stream
// of f, has room for it again and did not ask lately.
func (q *Queue) Push(f *media.Frame) (v Verdict, wantKey bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		q.lose(Closed, f.Kind, 1)
		return Refused, false
	}
	l := &q.lanes[f.Kind]
	if f.Kind.IsPicture() {
		return q.pushPicture(l, f)
	}
	fits := q.fits(l, f)
	if !fits {
		q.loseOf(f.From, Full, f.Kind, 1)
		if f.Kind == media.Control {
			q.discard(0)
			q.close(&fault.Error{Code: fault.Slow, Message: "connection too slow", Retry: 2 * time.Second})
		}
		return Dropped, false
	}
	q.take(l, f)
	if f.Kind == media.Audio && !q.heard {
		q.heard = true
		q.tellBegins(f, true)
	}
	return Taken, false
}

func (q *Queue) fits(l *lane, f *media.Frame) bool {
	return l.bytes == 0 || l.bytes+len(f.Wire) <= q.limits.Bytes[f.Kind]
}

func (q *Queue) tellBegins(f *media.Frame, decodable bool) {
	if q.begins != nil {
		q.begins(f, decodable)
	}
}

// Nudge calls who pops if patient frames wait.
func (q *Queue) Nudge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lanes[media.Data].len() > 0 {
		q.main.call(atOnce)
	}
}

// take appends f and calls who pops it, unless f is patient.
func (q *Queue) take(l *lane, f *media.Frame) {
	l.push(f)
	switch {
	case f.Patient:
	case f.Kind < q.main.end:
		q.main.call(urgencyOf(f.Kind))
	default:
		q.pictures.call(forPictures)
	}
}

func wake(ready chan struct{}) {
	select {
	case ready <- struct{}{}:
	default:
	}
}

// batchBytes ends a batch: what one write should carry, so that a keyframe does not keep
// audio behind it waiting.
const batchBytes = 64 << 10

// Pop waits for frames that are still worth sending and appends as many as fit into batch's
// capacity, up to about 64 KiB. After Close it returns what control frames are left and
// then the error of Close.
func (q *Queue) Pop(batch []*media.Frame) ([]*media.Frame, error) {
	return q.pop(batch, &q.main)
}

// PopPictures is Pop for the screen and video frames of a queue that is split.
func (q *Queue) PopPictures(batch []*media.Frame) ([]*media.Frame, error) {
	return q.pop(batch, &q.pictures)
}

// collect pops what is still worth sending; q.mu is held. It returns the error of Close when there
// is nothing.
func (q *Queue) collect(batch []*media.Frame, first, end media.Kind) ([]*media.Frame, error) {
	now, start, size, most := time.Now(), len(batch), 0, q.batchMost()
	for kind := first; kind < end; kind++ {
		l := &q.lanes[kind]
		for l.len() > 0 && len(batch) < cap(batch) && size < most {
			if size > 0 && most < batchBytes && size+len(l.oldest().Wire) > most {
				return batch, nil
			}
			f := l.pop()
			if q.stale(f, now) {
				continue
			}
			batch = append(batch, f)
			size += len(f.Wire)
		}
	}
	if len(batch) == start && q.err != nil {
		return batch, q.err
	}
	return batch, nil
}

// Forget drops what waits of a session that left, so that nothing of it arrives after the
// news of its departure.
func (q *Queue) Forget(session media.SessionID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for kind := media.Audio; kind < media.KindCount; kind++ {
		q.remove(kind, func(from media.SessionID) bool { return from == session })
	}
	for _, o := range [...]*outlet{&q.main, &q.pictures} {
		if o.putsBack(q) && o.turn == ofCourier {
			o.gone = append(o.gone, session)
		}
	}
	for id := range q.streams.all() {
		if id.Session == session && q.skip != nil {
			q.skip(id)
		}
	}
	q.streams.prune(func(id media.StreamID) bool { return id.Session == session })
}

// remove drops what waits of some sessions in one lane; q.mu is held.
func (q *Queue) remove(kind media.Kind, of func(media.SessionID) bool) {
	l := &q.lanes[kind]
	before := l.len()
	l.remove(of)
	q.lose(Withdrawn, kind, before-l.len())
}

// discard drops what waits in the lanes from first on, for the queue is closing; q.mu is held.
func (q *Queue) discard(first media.Kind) {
	for kind := first; kind < media.KindCount; kind++ {
		q.lose(Closed, kind, q.lanes[kind].len())
		q.lanes[kind] = lane{}
	}
}

// Close ends the queue with err, which is not nil. Control frames that wait are still
// popped, everything else is dropped. The first reason wins.
func (q *Queue) Close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.discard(media.Audio)
		q.close(err)
	}
}

func (q *Queue) close(err error) {
	q.err = err
	q.claim()
}

// QueueStats is what a queue holds and lost.
type QueueStats struct {
	Frames [media.KindCount]int
	Bytes  [media.KindCount]int
	Lost   Drops
}

// Stats returns the current state.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	var s QueueStats
	if q.lost != nil {
		s.Lost = *q.lost
	}
	for kind := range media.KindCount {
		s.Frames[kind] = q.lanes[kind].len()
		s.Bytes[kind] = q.lanes[kind].bytes
	}
	return s
}

// addTo adds what q lost and what waits in it.
func (q *Queue) addTo(lost *Drops, waiting *[media.KindCount]Waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost != nil {
		lost.add(q.lost)
	}
	for kind := range media.KindCount {
		waiting[kind].Frames += q.lanes[kind].len()
		waiting[kind].Bytes += q.lanes[kind].bytes
	}
}

// lose counts frames that go no further; q.mu is held.
func (q *Queue) lose(why Cause, kind media.Kind, n int) {
	if n == 0 {
		return
	}
	if q.lost == nil {
		q.lost = new(Drops)
	}
	q.lost[why][kind] += uint64(n)
}

// Loss is what a receiver lost of a sender, and why.
type Loss struct {
	Sender media.SessionID
	Cause  Cause
	Kind   media.Kind
}

// mostLosses bounds the senders of whom losses are kept apart; those of others are of sender 0.
const mostLosses = 256

// loseOf counts frames of a sender that go no further; q.mu is held.
func (q *Queue) loseOf(sender media.SessionID, why Cause, kind media.Kind, n int) {
	q.lose(why, kind, n)
	if n == 0 {
		return
	}
	if q.losses == nil {
		q.losses = make(map[Loss]uint64)
	}
	l := Loss{sender, why, kind}
	if _, known := q.losses[l]; !known && len(q.losses) >= mostLosses {
		l.Sender = 0
	}
	q.losses[l] += uint64(n)
}

// takeLosses returns what was lost since the last call, nil when nothing was.
func (q *Queue) takeLosses() map[Loss]uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.losses
	q.losses = nil
	return l
}

// Len returns how many frames wait.
func (q *Queue) Len() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for kind := range media.KindCount {
		n += q.lanes[kind].len()
	}
	return n
}

// A single frame fits into an empty lane, so the largest packet must be bounded.
const _ = uint(1<<23 - wire.MaxPacket)
