package load

import (
	"math"
	"sync"
	"sync/atomic"

	"parley/api/wire"
)

// stream is what one publisher sends of one kind. Its numbers go on when the publisher
// connects again.
type stream struct {
	index uint32 // among those of the room
	kind  wire.Stream
	layer uint32
	owner *participant

	next       atomic.Uint64 // number of the next packet
	begin, end atomic.Uint64 // the measured numbers: begin <= n < end; at first none are

	mu   sync.Mutex
	keys []uint64 // numbers of the keyframes, ascending
}

func newStream(index uint32, kind wire.Stream, owner *participant) *stream {
	s := &stream{index: index, kind: kind, owner: owner}
	s.begin.Store(math.MaxUint64)
	s.end.Store(math.MaxUint64)
	return s
}

// assign gives a packet that is about to be sent its number, and says whether it is measured.
// One goroutine at a time may call it.
func (s *stream) assign(key bool, now phase) (number uint64, measured bool) {
	number = s.next.Load()
	if now >= measuring && s.begin.Load() == math.MaxUint64 {
		s.begin.Store(number)
	}
	if now > measuring {
		s.close()
	}
	if key && s.kind != wire.Audio {
		s.mu.Lock()
		s.keys = append(s.keys, number)
		s.mu.Unlock()
	}
	s.next.Store(number + 1) // before it is sent, so that who comes now does not wait for it
	return number, now == measuring
}

// giveBack undoes the last assign: the packet was not sent.
func (s *stream) giveBack() {
	number := s.next.Load() - 1
	s.mu.Lock()
	if n := len(s.keys); n > 0 && s.keys[n-1] == number {
		s.keys = s.keys[:n-1]
	}
	s.mu.Unlock()
	s.next.Store(number)
}

// close ends the measured numbers. It is for the goroutine that assigns, or after it.
func (s *stream) close() {
	next := s.next.Load()
	if s.begin.Load() == math.MaxUint64 {
		s.begin.Store(next)
	}
	if s.end.Load() == math.MaxUint64 {
		s.end.Store(next)
	}
}

// shownFrom returns the first number that whoever came before n was sent can make use of.
func (s *stream) shownFrom(n uint64) uint64 {
	if s.kind == wire.Audio {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.keys) - 1; i >= 0 && s.keys[i] >= n; i-- {
		if i == 0 || s.keys[i-1] < n {
			return s.keys[i]
		}
	}
	return math.MaxUint64 // no keyframe since
}

// windowBits is how far behind the newest packet of a stream a repetition is noticed: 20 s of
// audio.
const windowBits = 1024

// account is what one participant got of one stream.
type account struct {
	in    bool
	start uint64                  // the first number that was not yet sent when this stay began
	shown uint64                  // packets from this number on are expected; math.MaxUint64 until that is known
	high  uint64                  // one above the highest number received in this stay
	seen  [windowBits / 64]uint64 // the numbers below high, by number modulo windowBits

	counts
}

// counts are packets that are measured.
type counts struct {
	expected   uint64 // known when a stay has ended
	delivered  uint64 // each once
	duplicated uint64
	outOfOrder uint64 // came after one with a higher number; they are delivered
	bytes      uint64 // of all that came, as packets
}

func (c *counts) add(o counts) {
	c.expected += o.expected
	c.delivered += o.delivered
	c.duplicated += o.duplicated
	c.outOfOrder += o.outOfOrder
	c.bytes += o.bytes
}

// enter begins a stay: what is sent from now on is expected.
func (a *account) enter(s *stream) {
	a.in = true
	a.start = s.next.Load()
	a.shown = math.MaxUint64
	a.high = a.start
	clear(a.seen[:])
}

// leave ends a stay. Of a connection that was lost nobody knows what was on its way, so
// nothing is expected after what came last.
func (a *account) leave(s *stream, lost bool) {
	if !a.in {
		return
	}
	a.in = false
	end := s.end.Load()
	if lost {
		end = min(end, a.high)
	}
	a.expected += a.due(s, end)
}

// due returns how many measured packets of this stay come before a number.
func (a *account) due(s *stream, end uint64) uint64 {
	begin := max(s.begin.Load(), s.shownFrom(a.start))
	return end - min(begin, end)
}

// complete reports whether everything has come, once the stream has ended.
func (a *account) complete(s *stream) bool {
	return !a.in || a.delivered >= a.expected+a.due(s, s.end.Load())
}

// got counts a packet of size bytes. It reports whether it is expected and the first of its
// number, so that its latency counts.
func (a *account) got(s *stream, t tag, size int) bool {
	if !a.in || t.number < a.start {
		return false
	}
	if a.shown == math.MaxUint64 {
		a.shown = s.shownFrom(a.start)
	}
	late := t.number < a.high
	again := late && a.has(t.number)
	a.note(t.number)
	if !t.measured || t.number < a.shown {
		return false
	}
	a.bytes += uint64(size)
	if again {
		a.duplicated++
		return false
	}
	a.delivered++
	if late {
		a.outOfOrder++
	}
	return true
}

// note remembers that a number has come.
func (a *account) note(number uint64) {
	if number >= a.high {
		// What is skipped takes the place of numbers a window ago, and has not been seen.
		for n := max(a.high, number-min(number, windowBits)); n < number; n++ {
			a.seen[n%windowBits/64] &^= 1 << (n % 64)
		}
		a.high = number + 1
	}
	if number+windowBits >= a.high {
		a.seen[number%windowBits/64] |= 1 << (number % 64)
	}
}

func (a *account) has(number uint64) bool {
	return number+windowBits >= a.high && a.seen[number%windowBits/64]>>(number%64)&1 == 1
}
