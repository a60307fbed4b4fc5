package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media/mediatest"
	"parley/api/wire"
)

// arrival is a packet as a server got it.
type arrival struct {
	at time.Duration
	tag
	kind wire.Stream
	key  bool
}

// stage is a publisher in a bubble and the server it sends to.
type stage struct {
	*pacer
	t    *testing.T
	mu   sync.Mutex
	got  []arrival
	take func() error // what the server does before it takes a packet; nil: nothing
}

func newStage(t *testing.T, tracks ...*track) *stage {
	s := &stage{t: t}
	s.pacer = &pacer{clock: newClock(), run: 1, tracks: tracks, lag: new(histogram), held: new(histogram)}
	return s
}

func (s *stage) send(_ context.Context, packet []byte) error {
	info := wire.Classify(packet)
	tg, ok := readTag(info.Data)
	if !ok {
		s.t.Error("a packet without a tag")
	}
	at := s.clock.now()
	if s.take != nil {
		if err := s.take(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, arrival{at, tg, info.Stream, info.Key})
	return nil
}

func (s *stage) arrivals() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.got
	s.got = nil
	return all
}

func video(want *atomic.Bool) *track {
	c := newCamera(dice(), 300, 10, 10*time.Second, want)
	return &track{source: c, stream: newStream(0, wire.Video, nil), packer: packer{user: "ada", kind: wire.Video}, wantKey: want}
}

func audio() *track {
	return &track{source: newVoice(dice(), 32, 1), stream: newStream(1, wire.Audio, nil), packer: packer{user: "ada", kind: wire.Audio}}
}

func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, video(new(atomic.Bool)), audio())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.keep(ctx, s.send); err != nil {
				t.Error(err)
			}
		})
		mediatest.Advance(t, 2*time.Second)
		s.clock.phase.Store(int32(measuring))
		mediatest.Advance(t, 10*time.Second)
		s.clock.drain()
		running.Wait()
		for _, tr := range s.tracks {
			tr.close()
		}

		next := map[wire.Stream]uint64{}
		measured := map[wire.Stream]uint64{}
		for _, a := range s.arrivals() {
			if a.number != next[a.kind] {
				t.Fatalf("packet %d of %v after %d", a.number, a.kind, next[a.kind])
			}
			next[a.kind]++
			if a.at != time.Duration(a.due) {
				t.Errorf("due at %v, sent at %v", time.Duration(a.due), a.at)
			}
			if a.measured != (a.at >= 2*time.Second) {
				t.Errorf("sent at %v and measured: %v", a.at, a.measured)
			}
			if a.measured {
				measured[a.kind]++
			}
		}
		if measured[wire.Video] != 100 || measured[wire.Audio] != 500 {
			t.Errorf("measured %v", measured)
		}
		for _, tr := range s.tracks {
			if n := tr.end.Load() - tr.begin.Load(); n != measured[tr.kind] || n != tr.sums.packets.Load() {
				t.Errorf("%d of %d packets are accounted for", n, measured[tr.kind])
			}
		}
		if s.lag.max.Load() != 0 || s.held.max.Load() != 0 {
			t.Error("late, where nothing takes time")
		}
	})
}

// While the server does not take a packet the next ones wait, which is the server's doing;
// what would be a second late is not sent any more, and then comes a keyframe.
func TestPacingAgainstAServerThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := new(atomic.Bool)
		s := newStage(t, video(want))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.clock.phase.Store(int32(measuring))
		n := 0
		s.take = func() error {
			if n++; n == 5 {
				mediatest.Advance(t, 3*time.Second)
			}
			return nil
		}
		var running sync.WaitGroup
		running.Go(func() { _ = s.keep(ctx, s.send) })
		// The clock moves by what the server waits.
		<-time.After(6 * time.Second)
		cancel()
		running.Wait()
		got := s.arrivals()
		skipped := s.tracks[0].sums.skipped.Load()
		if skipped < 19 || skipped > 20 {
			t.Errorf("%d pictures are dropped", skipped)
		}
		if len(got)+int(skipped) != 60 {
			t.Errorf("%d pictures are sent, %d dropped", len(got), skipped)
		}
		burst := got[5]
		if late := burst.at - time.Duration(burst.due); late < 900*time.Millisecond || late > time.Second {
			t.Errorf("the first picture after that is %v late", late)
		}
		if s.lag.max.Load() != 0 {
			t.Errorf("the generator takes %v upon itself", time.Duration(s.lag.max.Load()))
		}
		if held := time.Duration(s.held.max.Load()); held != 3*time.Second {
			t.Errorf("the server held a packet for %v", held)
		}
	})
}

// A connection that is lost costs neither a number nor the keyframe that nobody got.
func TestPacingOverTwoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := new(atomic.Bool)
		s := newStage(t, video(want))
		s.clock.phase.Store(int32(measuring))
		n := 0
		broken := errors.New("broken")
		s.take = func() error {
			if n++; n == 4 {
				return broken
			}
			return nil
		}
		if err := s.keep(t.Context(), s.send); err != broken {
			t.Fatalf("ended with %v", err)
		}
		mediatest.Advance(t, 5*time.Second)
		want.Store(true)
		again := s.clock.now()
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		if err := s.keep(ctx, s.send); err != nil {
			t.Fatal(err)
		}
		got := s.arrivals()
		if len(got) != 13 {
			t.Fatalf("%d pictures", len(got))
		}
		for i, a := range got {
			if a.number != uint64(i) {
				t.Errorf("picture %d is number %d", i, a.number)
			}
		}
		if first := got[3]; !first.key || first.at < again || first.at != time.Duration(first.due) {
			t.Errorf("the first picture of the second connection, at %v: %+v", again, first)
		}
	})
}
