package load

import (
	"math"
	"testing"

	"parley/api/wire"
)

// send gives out numbers as a publisher does, and returns the tag of the last one.
func send(s *stream, n int, key bool, now phase) (t tag) {
	for range n {
		t.number, t.measured = s.assign(key, now)
	}
	return t
}

func TestAccountOfOneStay(t *testing.T) {
	s := newStream(0, wire.Audio, nil)
	var a account
	send(s, 10, true, warming)
	a.enter(s)
	send(s, 10, true, warming)
	send(s, 100, true, measuring) // 20 to 119
	send(s, 5, true, draining)
	got := func(number uint64) bool {
		return a.got(s, tag{number: number, measured: number >= 20 && number < 120}, 100)
	}
	for n := uint64(5); n < 125; n++ {
		if n == 30 || n == 50 || n == 51 {
			continue
		}
		if counted := got(n); counted != (n >= 20 && n < 120) {
			t.Errorf("packet %d counts: %v", n, counted)
		}
	}
	if got(40) {
		t.Error("a repetition counts")
	}
	if !got(50) {
		t.Error("what is late does not count")
	}
	if a.complete(s) {
		t.Error("complete without two packets")
	}
	a.leave(s, false)
	want := counts{expected: 100, delivered: 98, duplicated: 1, outOfOrder: 1, bytes: 99 * 100}
	if a.counts != want {
		t.Errorf("%+v, want %+v", a.counts, want)
	}
	a.leave(s, false)
	if got(52) || a.counts != want {
		t.Errorf("after the end: %+v", a.counts)
	}
}

// Of a video nothing is expected before the first keyframe that a newcomer can get.
func TestAccountBeginsWithAKeyframe(t *testing.T) {
	s := newStream(0, wire.Video, nil)
	var a account
	send(s, 1, true, measuring)
	send(s, 5, false, measuring)
	a.enter(s)
	send(s, 4, false, measuring) // 6 to 9
	if a.got(s, tag{number: 7, measured: true}, 1) {
		t.Error("a picture counts that cannot be shown")
	}
	send(s, 1, true, measuring) // 10
	send(s, 9, false, measuring)
	for n := uint64(10); n < 20; n++ {
		if !a.got(s, tag{number: n, measured: true}, 1) {
			t.Errorf("picture %d does not count", n)
		}
	}
	send(s, 1, false, draining)
	if !a.complete(s) {
		t.Error("not complete")
	}
	a.leave(s, false)
	if a.expected != 10 || a.delivered != 10 {
		t.Errorf("%+v", a.counts)
	}
}

// A keyframe that could not be sent is none.
func TestKeyframeGivenBack(t *testing.T) {
	s := newStream(0, wire.Video, nil)
	send(s, 3, false, measuring)
	send(s, 1, true, measuring)
	s.giveBack()
	if n := s.shownFrom(0); n != math.MaxUint64 {
		t.Errorf("shown from %d", n)
	}
	send(s, 1, true, measuring)
	if n := s.shownFrom(2); n != 3 {
		t.Errorf("shown from %d, want 3", n)
	}
}

// What was on its way when a connection was cut is nobody's loss; what is missing before is.
func TestAccountOfTwoStays(t *testing.T) {
	s := newStream(0, wire.Audio, nil)
	var a account
	a.enter(s)
	send(s, 50, true, measuring)
	for n := uint64(0); n < 40; n++ {
		if n != 20 {
			a.got(s, tag{number: n, measured: true}, 1)
		}
	}
	a.leave(s, true) // 40 expected, 39 here
	send(s, 30, true, measuring)
	a.enter(s) // from 80
	send(s, 20, true, measuring)
	for n := uint64(75); n < 100; n++ {
		a.got(s, tag{number: n, measured: true}, 1)
	}
	s.close()
	a.leave(s, false)
	if a.expected != 60 || a.delivered != 59 || a.duplicated != 0 || a.outOfOrder != 0 {
		t.Errorf("%+v", a.counts)
	}
}

// Nothing counts for who was in before and after what was measured only.
func TestAccountOutsideOfTheMeasure(t *testing.T) {
	s := newStream(0, wire.Audio, nil)
	var before, after account
	before.enter(s)
	send(s, 10, true, warming)
	before.got(s, tag{number: 9}, 1)
	before.leave(s, true)
	send(s, 10, true, measuring)
	s.close()
	after.enter(s)
	after.leave(s, false)
	if before.counts != (counts{}) || after.counts != (counts{}) {
		t.Errorf("%+v, %+v", before.counts, after.counts)
	}
}

// The memory of what came is bounded, and a gap does not look like what was there before.
func TestAccountAfterAGap(t *testing.T) {
	s := newStream(0, wire.Audio, nil)
	var a account
	a.enter(s)
	send(s, 5*windowBits, true, measuring)
	s.close()
	for _, n := range []uint64{0, 1, 2, windowBits + 2, windowBits + 1, windowBits, 4 * windowBits, 3*windowBits + 1, 3*windowBits + 1} {
		a.got(s, tag{number: n, measured: true}, 1)
	}
	a.leave(s, false)
	want := counts{expected: 5 * windowBits, delivered: 8, duplicated: 1, outOfOrder: 3, bytes: 9}
	if a.counts != want {
		t.Errorf("%+v, want %+v", a.counts, want)
	}
}

func TestTag(t *testing.T) {
	want := tag{run: 1 << 63, stream: 7, measured: true, number: 1 << 40, due: -5}
	p := packer{user: "ada", kind: wire.Video}
	packet := p.pack(frame{data: []byte("picture"), key: true}, want)
	info := wire.Classify(packet)
	if info.Class != wire.MediaFrame || info.Stream != wire.Video || !info.Key || !info.Clear {
		t.Errorf("classified as %+v", info)
	}
	if got, ok := readTag(info.Data); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	m, err := wire.ScanMedia(info.Data)
	if err != nil || string(m.Data) != "picture" || string(m.UserID) != "ada" || string(m.FrameType) != "key" {
		t.Errorf("%+v, %v", m, err)
	}
	for _, other := range [][]byte{nil, info.Data[:len(info.Data)-1], make([]byte, 100)} {
		if _, ok := readTag(other); ok {
			t.Errorf("a tag is found in %d other bytes", len(other))
		}
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	s := newStream(0, wire.Audio, nil)
	var a account
	var h histogram
	a.enter(s)
	p := packer{user: "ada", kind: wire.Audio}
	n := uint64(0)
	packet := p.pack(frame{data: []byte("sound"), key: true}, tag{measured: true})
	if allocs := testing.AllocsPerRun(100, func() {
		w, err := wire.Scan(packet)
		tg, ok := readTag(w.Data)
		if tg.number = n; err == nil && ok && a.got(s, tg, len(packet)) {
			h.add(1)
		}
		n++
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
