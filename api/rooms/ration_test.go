package rooms_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// rationed is a connection that takes a frame for each leave that it has; Write waits for one.
type rationed struct {
	taker
	leave  chan struct{}
	trip   time.Duration
	waited bool // for the last one
}

func newRationed(leave int) *rationed {
	c := &rationed{leave: make(chan struct{}, 1000)}
	c.allow(leave)
	return c
}

func (c *rationed) allow(n int) {
	for range n {
		c.leave <- struct{}{}
	}
}

func (c *rationed) Rationed() bool { return c.waited }

func (c *rationed) RoundTrip() time.Duration { return c.trip }

func (c *rationed) Offer(frames []*media.Frame) ([]*media.Frame, bool) {
	for i, f := range frames {
		select {
		case <-c.leave:
			c.waited = false
		default:
			c.waited = true
			return frames[i:], false
		}
		c.note([]*media.Frame{f})
	}
	return nil, true
}

func (c *rationed) Write(_ context.Context, frames []*media.Frame) error {
	for _, f := range frames {
		select {
		case <-c.leave:
			c.waited = false
		default:
			c.waited = true
			<-c.leave
		}
		c.note([]*media.Frame{f})
	}
	return nil
}

func numbered(n int) *media.Frame {
	f := frame(media.Video, fmt.Sprint("p", n))
	f.From, f.Key = 7, n == 0
	return f
}

// What waits for leave is overtaken by what is more urgent, but for the one frame that waits with who
// writes, and is forgotten with who sent it.
func TestRationedFramesWaitWhereTheyAreOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, 0)
		defer g.End()
		c := newRationed(2)
		out := g.Add(c)
		for i := range 5 {
			out.Push(numbered(i))
		}
		synctest.Wait()
		want(t, c.got, "p0", "p1") // and p2 is the next, whatever comes
		if s := out.Stats(); s.Frames[media.Video] != 2 {
			t.Errorf("%d pictures wait, want 2", s.Frames[media.Video])
		}
		out.Push(frame(media.Audio, "a"))
		out.Push(frame(media.Control, "c"))
		c.allow(4)
		synctest.Wait()
		want(t, c.got, "p0", "p1", "p2", "c", "a", "p3")
		out.Push(frame(media.Audio, "b"))
		out.Forget(7)
		c.allow(10)
		synctest.Wait()
		want(t, c.got, "p0", "p1", "p2", "c", "a", "p3", "p4", "b")
		out.Push(numbered(0))
		synctest.Wait()
		want(t, c.got[8:], "p0") // the courier has it again
		if len(c.leave) != 7 {
			t.Errorf("%d leaves are left", len(c.leave))
		}
	})
}

// Less is allowed than is sent, for long: nothing that gets through is much older than it may be then,
// and voices miss nothing. Each leave comes on its own, or many at once, and what is too much is a lot, or
// so little that all that waits is one batch.
func TestWhatIsTooMuchForARationIsDroppedEarly(t *testing.T) {
	for _, tc := range []struct {
		burst, every int // leaves at a time, and milliseconds between pictures
	}{{1, 5}, {8, 5}, {8, 10}} {
		burst := tc.burst
		t.Run(fmt.Sprint(burst, "/", tc.every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := rooms.NewCarriage(0, 0)
				defer g.End()
				c := newRationed(0)
				c.trip = time.Duration(burst) * 10 * time.Millisecond
				out := g.Add(c)
				const seconds = 10
				for ms := range seconds * 1000 {
					if ms%20 == 0 { // 50 a second
						out.Push(frame(media.Audio, fmt.Sprint("a", ms)))
					}
					if ms%tc.every == 0 { // 100 or 200 a second, with a keyframe in each
						out.Push(numbered(ms % 1000))
					}
					if ms%int(c.trip/time.Millisecond) == 0 { // 100 a second
						c.allow(burst)
					}
					mediatest.Advance(t, time.Millisecond)
				}
				most, voices, pictures := time.Duration(0), 0, 0
				for i, what := range c.got {
					if strings.HasPrefix(what, "a") {
						voices++
					} else {
						pictures++
					}
					if i > 200 { // of the first two seconds
						most = max(most, c.delays[i])
					}
				}
				t.Logf("%d voices, %d pictures, the oldest after %v", voices, pictures, most)
				if bound := max(rooms.RationedAge, c.trip) + c.trip; most > bound {
					t.Errorf("something is %v old, want %v at most", most, bound)
				}
				if voices < 50*seconds-1 || pictures < seconds {
					t.Errorf("%d voices and %d pictures got through", voices, pictures)
				}
				if s := out.Stats(); s.Lost[rooms.Stale][media.Audio] != 0 || s.Lost[rooms.Stale][media.Video] == 0 {
					t.Errorf("lost: %v", s.Lost)
				}
			})
		})
	}
}

// That leave comes late costs nothing when there is enough then, and neither does it to wait for something
// else.
func TestAShortageHasToLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, 0)
		defer g.End()
		c := newRationed(0)
		out := g.Add(c)
		for range 5 {
			for range 10 { // somebody has a processor now and then
				out.Push(frame(media.Audio, "a"))
				mediatest.Advance(t, rooms.RationedAge)
			}
			c.allow(10)
			mediatest.Advance(t, rooms.RationedAge)
		}
		slow := new(taker)
		gate := make(chan struct{})
		slow.takes = func(int) (int, bool) { return 0, false }
		slow.write = func() error {
			<-gate
			return nil
		}
		path := g.Add(struct {
			*taker
			neverRationed
		}{slow, neverRationed{}})
		for range 10 {
			path.Push(frame(media.Audio, "a"))
			mediatest.Advance(t, 2*rooms.RationedAge)
		}
		close(gate)
		synctest.Wait()
		for _, q := range []*rooms.Queue{out, path} {
			if s := q.Stats(); s.Lost.Total() != 0 {
				t.Errorf("lost: %v", s.Lost)
			}
		}
		if len(c.got) != 50 || len(slow.got) != 10 || slices.Max(slow.delays) < 10*rooms.RationedAge {
			t.Errorf("%d and %d frames arrived", len(c.got), len(slow.got))
		}
	})
}

type neverRationed struct{}

func (neverRationed) Rationed() bool { return false }

func (neverRationed) RoundTrip() time.Duration { return 0 }

// cramped is a connection with room for some frames, until one has been waited for.
type cramped struct {
	taker
	neverRationed
	room, left int
}

func (c *cramped) Offer(frames []*media.Frame) ([]*media.Frame, bool) {
	n := min(c.left, len(frames))
	c.note(frames[:n])
	c.left -= n
	return frames[n:], n == len(frames)
}

func (c *cramped) Write(_ context.Context, frames []*media.Frame) error {
	c.note(frames)
	c.written += len(frames)
	c.left = c.room
	return nil
}

// What the courier cannot bring at once the goroutine of the session waits for, and for no more than that:
// whatever else waits goes together again. It is ready to wait for the next one.
func TestWhoWaitedLetsTheCourierGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		c := &cramped{room: 4}
		out := g.Add(c)
		const frames, rounds = 20, 3
		var said []string
		for range rounds {
			for range frames {
				said = append(said, fmt.Sprint(len(said)))
				out.Push(frame(media.Audio, said[len(said)-1]))
			}
			mediatest.Advance(t, 10*window)
		}
		want(t, c.got, said...)
		if c.written != frames*rounds/(c.room+1) {
			t.Errorf("%d of %d frames were waited for, want one for every %d that were not", c.written, frames*rounds, c.room)
		}
	})
}

// pictured is a rationed connection with leave of their own for pictures.
type pictured struct {
	*rationed
	pictures *rationed
}

func (c pictured) OfferPictures(frames []*media.Frame) ([]*media.Frame, bool) {
	return c.pictures.Offer(frames)
}

func (c pictured) WritePictures(ctx context.Context, frames []*media.Frame) error {
	return c.pictures.Write(ctx, frames)
}

func (pictured) Skip(media.StreamID) {}

// Pictures that wait for leave hold up nothing where they have a way of their own, and who writes them is
// there while they wait.
func TestVoicesPassPicturesThatWaitForLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, 0)
		defer g.End()
		c := pictured{newRationed(2), newRationed(1)}
		out := g.Add(c)
		for i := range 4 {
			out.Push(numbered(i))
		}
		synctest.Wait()
		out.Push(frame(media.Audio, "a"))
		synctest.Wait()
		want(t, c.pictures.got, "p0")
		want(t, c.got, "a")
		if s := out.Stats(); s.Frames[media.Video] != 2 {
			t.Errorf("%d pictures wait, want 2", s.Frames[media.Video])
		}
		out.Forget(7)
		c.pictures.allow(2)
		synctest.Wait()
		want(t, c.pictures.got, "p0", "p1") // which waited with who writes
		out.Push(numbered(0))
		out.Push(frame(media.Control, "c"))
		synctest.Wait()
		want(t, c.pictures.got, "p0", "p1", "p0")
		want(t, c.got, "a", "c")
	})
}
