package rooms

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/media"
)

// Each queue is bounded, and frames are shared. But queues that fell behind at different times
// hold different frames, and enough of them more than a node has. So what all of them hold
// together is bounded as well: each frame once, in the memory that it takes.
//
// Nothing is counted for receivers. What comes is, and when so much came that the bound may be
// reached, the queues are looked through. Rooms that hold more than an equal share then lose
// pictures before other data and sound last, the oldest first, which only their slowest receivers
// still hold. Control is never dropped, and what is being written cannot be: where that alone is too
// much, those who take longest over it are disconnected.

// DefaultStock is what all queues may hold together unless Options say otherwise, in bytes. Beside
// that, up to 64 KiB are on their way into each connection.
const DefaultStock = 1 << 30

const (
	// stockGoal is how much of the bound is left after dropping, and stockStep how much of it comes
	// at least between two looks: they cost about a microsecond for each session.
	stockGoal = 3.0 / 4
	stockStep = 1.0 / 16

	// stuckAfter is how old what is being written to a connection is when that may be ended.
	stuckAfter = time.Second
)

// errStuck ends sessions that cannot be spared the memory for what they are being sent.
var errStuck = &fault.Error{Code: fault.Slow, Message: "connection too slow for what is sent", Retry: 2 * time.Second}

// stock is what all queues of a node hold together.
type stock struct {
	most  int64
	spare atomic.Int64 // bytes that may come before the next look

	mu    sync.Mutex // of who looks; the lock of the hub and those of queues come after it
	look  uint32
	loose []*media.Frame // what can be dropped of the room that was looked at last
}

// Stock is what queues hold together and how much that may be, in bytes.
type Stock struct{ Held, Most int64 }

// Stock looks through all queues. That takes about a microsecond for each session and what a few
// frames that wait take; packets do not wait for it.
func (h *Hub) Stock() Stock {
	h.stock.mu.Lock()
	defer h.stock.mu.Unlock()
	return Stock{h.takeStock(), h.stock.most}
}

// came counts a packet that may be queued. Where that may be too much it sees to it that it is not,
// which slows down who sends.
func (h *Hub) came(packet []byte) {
	if k := &h.stock; k.spare.Add(-int64(cap(packet))) < 0 && k.mu.TryLock() {
		defer k.mu.Unlock()
		if k.spare.Load() < 0 { // nobody was faster
			aside(func() { h.takeStock() })
			k.spare.Add(-int64(cap(packet)))
		}
	}
}

// takeStock drops what is too much and returns how much there is; stock.mu is held.
func (h *Hub) takeStock() (held int64) {
	k := &h.stock
	step := int64(float64(k.most) * stockStep)
	var shelves []shelf
	for _, r := range h.opened() {
		s := k.count(r)
		held += s.held
		shelves = append(shelves, s)
	}
	if held > k.most-step {
		most := fairShare(shelves, int64(float64(k.most)*stockGoal))
		for _, s := range shelves {
			if s.held > most {
				held -= k.clear(s.room, s.held-most)
			}
		}
	}
	k.loose = nil
	k.spare.Store(max(k.most-held, step))
	return held
}

// opened returns the rooms of this node.
func (h *Hub) opened() []*Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.rooms))
}

// fairShare returns how much each room may hold so that all hold no more than most: what those
// with little leave is for the others. It sorts shelves.
func fairShare(shelves []shelf, most int64) int64 {
	slices.SortFunc(shelves, func(a, b shelf) int { return cmp.Compare(a.held, b.held) })
	for i, s := range shelves {
		share := most / int64(len(shelves)-i)
		if s.held > share {
			return share
		}
		most -= s.held
	}
	return math.MaxInt64
}

// shelf is what one room holds.
type shelf struct {
	room  *Room
	held  int64
	fixed []fixed
}

// fixed is what a session holds that cannot be dropped and no session before it holds.
type fixed struct {
	session *Session
	bytes   int64
	since   time.Time
}

// count looks through the queues of a room. loose are its frames that can be dropped from now on.
func (k *stock) count(r *Room) shelf {
	k.look++
	k.loose = k.loose[:0]
	s := shelf{room: r}
	seen := func(f *media.Frame) bool {
		if f.Seen(k.look) {
			return true
		}
		s.held += int64(cap(f.Wire))
		return false
	}
	sessions := *r.sessions.Load()
	var frames []*media.Frame
	for _, session := range sessions {
		before, since := s.held, time.Now()
		frames = session.out.fixed(frames[:0])
		for _, f := range frames {
			if !seen(f) && f.Received.Before(since) {
				since = f.Received
			}
		}
		if s.held > before {
			s.fixed = append(s.fixed, fixed{session, s.held - before, since})
		}
	}
	for _, session := range sessions {
		frames = session.out.loose(frames[:0])
		for _, f := range frames {
			if !seen(f) {
				k.loose = append(k.loose, f)
			}
		}
	}
	return s
}

// clear drops so many bytes of a room and returns how many that were. Sound is dropped only where
// that is enough.
func (k *stock) clear(r *Room, excess int64) (freed int64) {
	s := k.count(r)
	slices.SortFunc(k.loose, func(a, b *media.Frame) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), a.Received.Compare(b.Received))
	})
	first, _ := slices.BinarySearchFunc(k.loose, media.Audio, func(f *media.Frame, sound media.Kind) int { return cmp.Compare(sound, f.Kind) })
	freed = r.shed(k.loose[:first], excess)
	if freed < excess {
		freed += s.end(excess - freed)
	}
	if sound := k.loose[first:]; freed < excess && freed+memory(sound) >= excess {
		freed += r.shed(sound, excess-freed)
	}
	return freed
}

func memory(frames []*media.Frame) (bytes int64) {
	for _, f := range frames {
		bytes += int64(cap(f.Wire))
	}
	return bytes
}

// shed drops the first of these frames from all queues, until so many bytes are free, and tells who
// sent them.
func (r *Room) shed(frames []*media.Frame, excess int64) (freed int64) {
	var last *media.Frame
	for _, f := range frames {
		if freed >= excess {
			break
		}
		last = f
		freed += int64(cap(f.Wire))
	}
	if last == nil {
		return 0
	}
	now := time.Now()
	var senders []media.SessionID
	for _, s := range *r.sessions.Load() {
		senders = s.out.shed(last.Kind, last.Received, senders[:0])
		for _, id := range senders {
			if s.congestion.lost(id, now) {
				r.reportCongestion(s, id)
			}
		}
	}
	return freed
}

// end disconnects who takes longest over what is being written, until so many bytes are free.
func (s *shelf) end(excess int64) (freed int64) {
	slices.SortFunc(s.fixed, func(a, b fixed) int { return a.since.Compare(b.since) })
	for _, f := range s.fixed {
		if freed >= excess || time.Since(f.since) < stuckAfter {
			break
		}
		switch {
		case f.session.stuck: // it takes a moment
			freed += f.bytes
		case f.bytes > batchBytes: // else it is not worth it
			f.session.stuck = true
			f.session.end(errStuck)
			freed += f.bytes
		}
	}
	return freed
}

// fixed appends what q holds that is not dropped.
func (q *Queue) fixed(to []*media.Frame) []*media.Frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range []*media.Frame{q.main.flying, q.pictures.flying} {
		if f != nil {
			to = append(to, f)
		}
	}
	return q.lanes[media.Control].appendTo(to)
}

// loose appends what q holds that can be dropped.
func (q *Queue) loose(to []*media.Frame) []*media.Frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	for kind := media.Audio; kind < media.KindCount; kind++ {
		to = q.lanes[kind].appendTo(to)
	}
	return to
}

// shed drops what waits of the kinds after the first, and of that what came until then. It appends
// who sent each frame.
func (q *Queue) shed(first media.Kind, until time.Time, senders []media.SessionID) []media.SessionID {
	q.mu.Lock()
	defer q.mu.Unlock()
	for kind := first; kind < media.KindCount; kind++ {
		for l := &q.lanes[kind]; l.len() > 0 && (kind > first || !l.oldest().Received.After(until)); {
			f := l.pop()
			q.loseOf(f.From, Memory, kind, 1)
			q.follow(f)
			senders = append(senders, f.From)
		}
	}
	return senders
}
