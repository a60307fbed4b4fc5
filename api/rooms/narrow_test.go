package rooms_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// narrow is the node's end of a connection whose client takes so many bytes a second.
type narrow struct {
	*mediatest.Conn
	rate int

	ages    []time.Duration // of the sound that was written
	largest int             // batch, in bytes
	sizes   []int           // of the pictures
}

func (n *narrow) Rate() int { return n.rate }

func (n *narrow) Write(ctx context.Context, frames []*media.Frame) error {
	size := 0
	for _, f := range frames {
		size += len(f.Wire)
	}
	n.largest = max(n.largest, size)
	<-time.After(time.Duration(size) * time.Second / time.Duration(n.rate))
	for _, f := range frames {
		switch f.Kind {
		case media.Audio:
			n.ages = append(n.ages, time.Since(f.Received))
		case media.Video:
			n.sizes = append(n.sizes, len(f.Wire))
		}
	}
	return n.Conn.Write(ctx, frames)
}

// Sound does not wait behind pictures that a client takes seconds for; its path is no reason to ask for
// keyframes all the time, and both sides are told.
func TestSoundDoesNotWaitForLargePictures(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		conn, far := mediatest.Pipe(w.t, media.WebSocket)
		path := &narrow{Conn: conn, rate: 25_000}
		bob := &person{Peer: far, w: w, name: "bob"}
		w.wg.Go(func() { // until the node has drained
			_ = n.hub.Serve(context.Background(), path, &media.Peer{Room: "standup", User: "bob", DisplayName: "bob"})
		})
		bob.Send(mediatest.Heartbeat())
		mediatest.Advance(t, 2*time.Second)
		ada.arrived()
		bob.arrived()
		const seconds = 10
		for i := range seconds * 50 {
			ada.Send(picture(callv1.MediaPacket_AUDIO, "", 80))
			switch {
			case i%100 == 0:
				ada.Send(picture(callv1.MediaPacket_VIDEO, "key", 20_000))
			case i%2 == 0: // 360 kbit/s
				ada.Send(picture(callv1.MediaPacket_VIDEO, "delta", 1_800))
			}
			mediatest.Advance(t, 20*time.Millisecond)
		}
		mediatest.Advance(t, 2*time.Second)
		synctest.Wait()
		slices.Sort(path.ages)
		if len(path.ages) != seconds*50 {
			t.Errorf("bob hears %d of %d", len(path.ages), seconds*50)
		}
		if oldest := path.ages[len(path.ages)-1]; oldest > 500*time.Millisecond {
			t.Errorf("bob hears what was said %v ago", oldest)
		}
		if path.largest > 8<<10 {
			t.Errorf("%d bytes are sent at a time", path.largest)
		}
		lost := n.hub.Census().Total.Drops
		if lost[rooms.Narrow][media.Video] == 0 || lost[rooms.Stale][media.Audio] > 0 {
			t.Errorf("lost: %v", lost)
		}
		heard := ada.hears()
		asked, told := len(about(heard, "keyframe")), len(about(heard, "congestion"))
		if asked > seconds/2+1 {
			t.Errorf("ada is asked for %d keyframes in %d s", asked, seconds)
		}
		if told == 0 {
			t.Errorf("ada hears %q, and not of congestion", heard)
		}

		path.rate = 1_000_000 // as if it were known at once
		path.sizes = nil
		ada.Send(picture(callv1.MediaPacket_VIDEO, "key", 20_000))
		ada.Send(picture(callv1.MediaPacket_VIDEO, "delta", 1_800))
		mediatest.Advance(t, time.Second)
		if len(path.sizes) != 2 {
			t.Errorf("on a wide path bob gets pictures of %v bytes", path.sizes)
		}
	})
}

// gauged is a taker that knows how fast its client is.
type gauged struct {
	*taker
	rate, asked atomic.Int64
}

func (g *gauged) Rate() int {
	g.asked.Add(1)
	return int(g.rate.Load())
}

// A connection is asked how fast its client is where it was written to, and not for every picture; what a
// client became by what was written to it is known to the next one.
func TestRateIsAskedForAfterWrites(t *testing.T) {
	const narrow = 25_000
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, 0)
		defer g.End()
		c := &gauged{taker: new(taker)}
		out := g.Add(c)
		push := func(kind media.Kind, size int) rooms.Verdict {
			f := frame(kind, strings.Repeat("x", size))
			f.Key = true
			v, _ := out.Push(f)
			synctest.Wait()
			return v
		}
		check := func(what string, want rooms.Verdict) {
			t.Helper()
			if got := push(media.Video, 20_000); got != want {
				t.Errorf("%s: a large picture is %v, want %v", what, got, want)
			}
		}
		push(media.Audio, 80)
		c.asked.Store(0)
		check("while all goes out", rooms.Taken)
		if n := c.asked.Load(); n != 1 {
			t.Errorf("asked %d times for one picture", n)
		}
		c.takes = func(n int) (int, bool) {
			c.rate.Store(narrow)
			return n, true
		}
		push(media.Audio, 80)
		check("narrow by what went out", rooms.Dropped)
		c.takes = nil
		c.rate.Store(0)
		check("wide again before anything went out", rooms.Taken)

		c.takes = func(int) (int, bool) { return 0, false }
		c.write = func() error {
			c.rate.Store(narrow)
			return nil
		}
		push(media.Audio, 80)
		check("narrow by what was not taken at once", rooms.Dropped)
		c.takes = nil
		c.rate.Store(0)
		push(media.Audio, 80)
		check("wide again", rooms.Taken)
		push(media.Video, 200_000) // the session's goroutine writes it
		check("narrow by what is too large to be offered", rooms.Dropped)
	})
}
