package rooms_test

import (
	"context"
	"slices"
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
