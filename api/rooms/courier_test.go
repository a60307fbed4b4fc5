package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// taker is a connection that notes what it was given, and how.
type taker struct {
	media.Conn
	takes func(n int) (taken int, ok bool) // of an offer; nil takes all
	write func() error                     // what Write waits for; nil is nothing
	tells func(what string)                // is called for each frame; nil is nobody

	mu      sync.Mutex
	got     []string
	offers  []time.Time
	delays  []time.Duration
	written int // frames that were not offered
}

func (c *taker) Transport() media.Transport { return media.WebSocket }

func (c *taker) Close(fault.Code) error { return nil }

func (c *taker) note(frames []*media.Frame) {
	for _, f := range frames {
		what := string(f.Wire[:min(len(f.Wire), 8)])
		c.got = append(c.got, what)
		if c.tells != nil {
			c.tells(what)
		}
		c.delays = append(c.delays, time.Since(f.Received))
	}
}

func (c *taker) Offer(frames []*media.Frame) ([]*media.Frame, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := len(frames), true
	if c.takes != nil {
		n, ok = c.takes(n)
	}
	c.note(frames[:n])
	c.offers = append(c.offers, time.Now())
	return frames[n:], ok
}

func (c *taker) Write(_ context.Context, frames []*media.Frame) error {
	if c.write != nil {
		if err := c.write(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(frames)
	c.written += len(frames)
	return nil
}

func (c *taker) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func TestOrderSurvivesConnectionsThatAreFull(t *testing.T) {
	for _, tc := range []struct {
		sound, pictures time.Duration
		kind            media.Kind
	}{{0, 0, media.Audio}, {0, window, media.Audio}, {window, window, media.Audio}, {0, window, media.Video}} {
		synctest.Test(t, func(t *testing.T) {
			g := rooms.NewCarriage(tc.sound, tc.pictures)
			defer g.End()
			r := rand.New(rand.NewPCG(3, 4))
			c := &taker{takes: func(n int) (int, bool) {
				if taken := r.IntN(n + 1); r.IntN(3) == 0 {
					return taken, false
				}
				return n, true
			}}
			c.write = func() error { <-time.After(window / 3); return nil }
			out := g.Add(c)
			var said []string
			for i := range 1000 {
				said = append(said, fmt.Sprint(i))
				out.Push(key(tc.kind, said[i]))
				if i%7 == 0 {
					mediatest.Advance(t, window/5+time.Nanosecond)
				}
			}
			mediatest.Advance(t, 100*time.Millisecond)
			if got := c.all(); !slices.Equal(got, said) {
				t.Errorf("%q", got)
			}
			if len(c.offers) == 0 || c.written == 0 {
				t.Errorf("%d offers, %d written", len(c.offers), c.written)
			}
		})
	}
}

// A courier whose round took long rests, so that it has the more to take along; what comes later
// goes at once.
func TestCourierRestsAfterALongRound(t *testing.T) {
	for _, tc := range []struct{ round, again time.Duration }{
		{500 * time.Microsecond, 500 * time.Microsecond}, // it is short: no rest
		{2 * time.Millisecond, 6 * time.Millisecond},
		{5 * time.Millisecond, 10 * time.Millisecond},
		{20 * time.Millisecond, 20 * time.Millisecond}, // it is too late for a rest
	} {
		synctest.Test(t, func(t *testing.T) {
			g := rooms.NewCarriage(0, 0)
			defer g.End()
			c := &taker{takes: func(n int) (int, bool) { <-time.After(tc.round); return n, true }}
			out := g.Add(c)
			say := func(text string) {
				out.Push(frame(media.Audio, text))
				synctest.Wait()
			}
			begin := time.Now()
			say("1")
			mediatest.Advance(t, tc.round/2)
			say("2")
			mediatest.Advance(t, tc.again-tc.round/2)
			later := max(tc.again, tc.round) + time.Millisecond
			mediatest.Advance(t, later)
			say("3")
			mediatest.Advance(t, tc.round)
			want(t, c.all(), "1", "2", "3")
			for i, at := range []time.Duration{0, tc.again, tc.again + later} {
				if got := c.offers[i].Sub(begin) - tc.round; got != at {
					t.Errorf("round %d of %v began after %v, want %v", i, tc.round, got, at)
				}
			}
		})
	}
}

func TestNobodyWaitsForAConnectionThatIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		release := make(chan struct{})
		stuck := &taker{takes: func(int) (int, bool) { return 0, false }, write: func() error { <-release; return nil }}
		well := new(taker)
		outs := []*rooms.Queue{g.Add(stuck), g.Add(well)}
		for i := range 3 {
			for _, out := range outs {
				out.Push(frame(media.Audio, fmt.Sprint(i)))
			}
			mediatest.Advance(t, window)
		}
		want(t, well.all(), "0", "1", "2")
		want(t, stuck.all())
		close(release)
		synctest.Wait()
		want(t, stuck.all(), "0", "1", "2")
	})
}

// What was said before the end is said, by the goroutine of the session; nothing is offered after
// it, and a connection that breaks ends its session.
func TestEndsOfSessionsWithACourier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		calm, broken := &taker{takes: func(n int) (int, bool) { <-time.After(window); return n, true }}, &taker{takes: func(int) (int, bool) { return 0, false }}
		broken.write = func() error { return errors.New("broken") }
		first, second := g.Add(calm), g.Add(broken)
		first.Push(frame(media.Control, "hello"))
		second.Push(frame(media.Control, "hello"))
		mediatest.Advance(t, window)
		first.Push(frame(media.Control, "bye")) // after so long a round the courier rests
		g.End()
		want(t, calm.all(), "hello", "bye")
		want(t, broken.all())
		if len(calm.offers) != 1 || calm.written != 1 {
			t.Errorf("%d offers, %d written", len(calm.offers), calm.written)
		}
	})
}

// Frames that fit into no buffer are for the goroutine of the session.
func TestLargeFramesAreNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		c := new(taker)
		out := g.Add(c)
		out.Push(key(media.Video, string(make([]byte, 100<<10))))
		synctest.Wait()
		if c.written != 1 || len(c.offers) != 0 {
			t.Errorf("%d offers, %d written", len(c.offers), c.written)
		}
		mediatest.Advance(t, window)
		out.Push(frame(media.Audio, "a"))
		synctest.Wait()
		if c.written != 1 || len(c.offers) != 1 {
			t.Errorf("%d offers, %d written", len(c.offers), c.written)
		}
	})
}

// gallery is a taker that takes pictures apart.
type gallery struct {
	taker
	pictures taker
}

func (g *gallery) OfferPictures(frames []*media.Frame) ([]*media.Frame, bool) {
	return g.pictures.Offer(frames)
}

func (g *gallery) WritePictures(ctx context.Context, frames []*media.Frame) error {
	return g.pictures.Write(ctx, frames)
}

func (g *gallery) Skip(media.StreamID) {}

// Where pictures hold up nothing else they are offered apart, and what is left of them is written apart.
func TestPicturesAreOfferedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, 0)
		defer g.End()
		c := new(gallery)
		seen := make(chan struct{})
		c.pictures.write = func() error {
			<-seen
			return nil
		}
		out := g.Add(c)
		out.Push(key(media.Video, "1"))
		synctest.Wait()
		want(t, c.pictures.all(), "1")
		c.pictures.takes = func(int) (int, bool) { return 0, false }
		out.Push(frame(media.Video, "2"))
		synctest.Wait()
		out.Push(frame(media.Audio, "a")) // while 2 is being written
		synctest.Wait()
		want(t, c.all(), "a")
		want(t, c.pictures.all(), "1")
		close(seen)
		synctest.Wait()
		want(t, c.pictures.all(), "1", "2")
		if c.written != 0 || c.pictures.written != 1 {
			t.Errorf("%d and %d written", c.written, c.pictures.written)
		}
	})
}

// Pictures come after all else of a round. Sound that comes meanwhile waits for the next one, unless the
// node is busy: then it goes before the next pictures.
func TestPicturesComeAfterAllElse(t *testing.T) {
	for _, tc := range []struct {
		busy bool
		want []string
	}{
		{false, []string{"a0", "a1", "a2", "p0", "p1", "p2", "b"}},
		{true, []string{"a0", "a1", "a2", "p0", "b", "p1", "p2"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := rooms.NewBusyCarriage(tc.busy)
			defer g.End()
			var got []string // in the order of the courier
			var outs []*rooms.Queue
			there := make(chan struct{})
			late := func() { outs[2].Push(frame(media.Audio, "b")) }
			for range 3 {
				c := new(gallery)
				c.tells = func(what string) { got = append(got, what) }
				c.pictures.tells = func(what string) {
					if got = append(got, what); what == "p0" {
						late()
					}
				}
				outs = append(outs, g.Add(c))
			}
			g.Add(&gallery{pictures: taker{tells: func(string) { <-there }}}).Push(key(media.Video, "begin"))
			synctest.Wait() // the courier is at it until all the rest is there
			for i, out := range outs {
				out.Push(key(media.Video, fmt.Sprint("p", i)))
			}
			for i, out := range outs {
				out.Push(frame(media.Audio, fmt.Sprint("a", i)))
			}
			close(there)
			synctest.Wait()
			want(t, got, tc.want...)
		})
	}
}

func TestACourierIsHeardAfterItsLastSessionLeft(t *testing.T) {
	if !rooms.HeardAgain() {
		t.Error("it does not hear who calls it next")
	}
}

// A large room has all couriers, a small one a single one.
func TestSessionsShareCouriers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		for range 32 {
			g.Add(new(taker))
		}
		if got := g.Couriers(); !slices.Equal(got, []int{32}) {
			t.Errorf("%v", got)
		}
		g.Add(new(taker))
		if got := g.Couriers(); runtime.GOMAXPROCS(0) > 1 && !slices.Equal(got, []int{32, 1}) {
			t.Errorf("%v", got)
		}
	})
}

func TestCarryingDoesNotAllocate(t *testing.T) {
	for kind := range media.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			g := rooms.NewCarriage(0, 0)
			defer g.End()
			f := fanoutFrame(1200)
			f.Kind = kind
			taken := make(chan struct{})
			out := g.Add(&taking{taken: taken})
			run := func() {
				for range 50 { // a mean is rounded down, so one run is of many
					f.Received = time.Now()
					out.Push(f)
					<-taken
				}
			}
			run()
			if n := testing.AllocsPerRun(20, run); n != 0 {
				t.Errorf("%v allocations for 50 frames, want 0", n)
			}
		})
	}
}

// taking is a connection that tells when it was offered something.
type taking struct {
	media.Conn
	taken chan struct{}
}

func (c *taking) Transport() media.Transport { return media.WebSocket }

func (c *taking) Close(fault.Code) error { return nil }

func (c *taking) Offer([]*media.Frame) ([]*media.Frame, bool) {
	c.taken <- struct{}{}
	return nil, true
}

func (c *taking) Write(context.Context, []*media.Frame) error { return nil }
