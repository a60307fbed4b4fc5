package wt

import (
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
)

// told keeps what it is given, not a copy.
type told struct {
	outgoing
	given [][]byte
}

func (t *told) write(b []byte, _ pace) error { return t.TryWriteAll(b) }

func (t *told) TryWriteAll(b []byte) error {
	t.given = append(t.given, b)
	return nil
}

// newBursts makes them come from a pool of its own, and returns those that it has made.
func newBursts(t *testing.T) *[]*burst {
	made, makeOne := new([]*burst), bursts.New
	bursts = sync.Pool{New: func() any {
		b := makeOne().(*burst)
		*made = append(*made, b)
		return b
	}}
	t.Cleanup(func() { bursts = sync.Pool{New: makeOne} })
	return made
}

// lies reports whether p begins where packets are put together in b.
func lies(p []byte, b *burst) bool { return len(p) > 0 && &p[0] == &b.buf[:1][0] }

// Packets of a stream that are not large are put one behind the other, for one write; a large one is
// handed over as it is, not as a copy.
func TestLargePacketsAreNotCopied(t *testing.T) {
	write := func(packets ...[]byte) [][]byte {
		to := new(told)
		b := newBurst(pace{})
		defer b.free()
		b.to = to
		for _, p := range packets {
			if err := b.add(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		return to.given
	}
	small := make([][]byte, 50)
	for i := range small {
		small[i] = make([]byte, 1200)
	}
	made := newBursts(t)
	given := write(small...)
	if len(given) != 1 || len(given[0]) != len(small)*(lengthBytes+1200) {
		t.Fatalf("%d packets are handed over in %d pieces", len(small), len(given))
	}
	if len(*made) != 1 || !lies(given[0], (*made)[0]) {
		t.Errorf("what is handed over is not what packets were put together in, of which there are %d", len(*made))
	}
	large := make([]byte, largePacket)
	if given := write(slices.Repeat(small, 2)...); len(given) != 2 {
		t.Errorf("%d packets are handed over in %d pieces", 2*len(small), len(given))
	}
	given = write(small[0], large, small[1])
	if len(given) != 3 || len(given[1]) != len(large) || &given[1][0] != &large[0] {
		t.Errorf("a large packet is not handed over as it is, in %d pieces", len(given))
	}
}

// way is one in which frames are offered, down to where the library gets them.
type way struct {
	frames []*media.Frame
	before int // bytes that come before each
	offer  func([]*media.Frame) bool
}

func ways(to *told) map[string]way {
	c := &conn{born: time.Now(), post: post{more: make(chan struct{}, 1), running: true}}
	lasting := newStreamConn(c)
	lasting.audio = &line{str: to, room: &lasting.voices}
	picture := &line{str: to, room: &lasting.album}
	packets := func(kind media.Kind) []*media.Frame {
		frames := make([]*media.Frame, 3)
		for i := range frames {
			frames[i] = &media.Frame{From: 1, Kind: kind, Wire: make([]byte, 1200)}
		}
		return frames
	}
	lasting.pictures[packets(media.Video)[0].Stream()] = picture
	lasting.prepared.Store(true)
	apart := &sender{header: []byte{1, 2, 3}}
	datagrams := packets(media.Audio)
	for _, f := range datagrams {
		f.Datagram = true
	}
	var batch [][]byte
	return map[string]way{
		"sound on a stream": {packets(media.Audio), lengthBytes, func(frames []*media.Frame) bool {
			_, ok := lasting.Offer(frames)
			lasting.audio.sent()
			return ok
		}},
		"pictures on a stream": {packets(media.Video), lengthBytes, func(frames []*media.Frame) bool {
			_, ok := lasting.OfferPictures(frames)
			picture.sent()
			return ok
		}},
		"a stream each": {packets(media.Video), len(apart.header), func(frames []*media.Frame) bool {
			ok := true
			for _, f := range frames {
				ok = apart.copies(to, f.Wire) && ok
			}
			apart.unsent = 0
			return ok
		}},
		"datagrams": {datagrams, 0, func(frames []*media.Frame) bool {
			_, ok := lasting.Offer(frames)
			batch = c.post.take(batch, false)
			to.given = append(to.given, batch...)
			return ok
		}},
	}
}

// What is offered is copied once, behind what comes before it, and datagrams not at all.
func TestWhatIsOfferedIsCopiedOnceOrNotAtAll(t *testing.T) {
	to := new(told)
	for name, way := range ways(to) {
		t.Run(name, func(t *testing.T) {
			made := newBursts(t)
			f := way.frames[0]
			to.given = nil
			if !way.offer(way.frames[:1]) || len(to.given) != 1 || len(to.given[0]) != way.before+len(f.Wire) {
				t.Fatalf("a packet is handed over in %d pieces", len(to.given))
			}
			switch given := to.given[0]; {
			case f.Datagram && (len(*made) > 0 || &given[0] != &f.Wire[0]):
				t.Error("a datagram is not handed over as it is")
			case !f.Datagram && (len(*made) != 1 || !lies(given, (*made)[0])):
				t.Errorf("what is handed over is not what a packet was copied to; there are %d copies", len(*made))
			}
		})
	}
}

func TestOffersDoNotAllocate(t *testing.T) {
	to := new(told)
	for name, way := range ways(to) {
		t.Run(name, func(t *testing.T) {
			if n := mediatest.Allocs(func() {
				to.given = to.given[:0]
				if !way.offer(way.frames[:1]) || len(to.given) != 1 {
					t.Fatalf("one packet is handed over as %d", len(to.given))
				}
			}); n != 0 {
				t.Errorf("%v allocations for two offers", n)
			}
		})
	}
}

func TestWritesToAStreamDoNotAllocate(t *testing.T) {
	to := new(told)
	packets := [][]byte{make([]byte, 160), make([]byte, 1200), make([]byte, largePacket), make([]byte, 4000)}
	if n := mediatest.Allocs(func() {
		to.given = to.given[:0]
		b := newBurst(pace{})
		defer b.free()
		b.to = to
		for _, p := range packets {
			_ = b.add(p) // it does not fail
		}
		_ = b.flush()
	}); n != 0 {
		t.Errorf("%v allocations for two batches", n)
	}
}
