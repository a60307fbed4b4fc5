package rooms_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// saturated is the node's end of a connection where all of them share one processor.
type saturated struct {
	*mediatest.Conn
	processor chan struct{}
	each      time.Duration // that it takes to write a frame
}

func (s *saturated) Write(ctx context.Context, frames []*media.Frame) error {
	select {
	case s.processor <- struct{}{}:
		defer func() { <-s.processor }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	busy := time.NewTimer(time.Duration(len(frames)) * s.each)
	defer busy.Stop()
	select {
	case <-busy.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.Conn.Write(ctx, frames)
}

// TestSoundAndControlOutliveOverload lets a node write a little more than the sound that people send, and less
// than half of everything.
func TestSoundAndControlOutliveOverload(t *testing.T) {
	const (
		speakers, viewers = 2, 12
		seconds           = 10
		slot              = 20 * time.Millisecond // a packet of sound of each speaker
		slots             = seconds * int(time.Second/slot)
	)
	inWorld(t, func(w *world) {
		n := w.node("a")
		processor := make(chan struct{}, 1)
		var publishers, receivers []*person
		for i := range speakers {
			publishers = append(publishers, n.join(fmt.Sprint("s", i)))
		}
		// What is sent each second to each: 100 packets of sound, 100 pictures. There is time for 110.
		each := time.Second / (110 * viewers)
		for i := range viewers {
			conn, far := mediatest.Pipe(w.t, media.WebSocket)
			p := &person{Peer: far, w: w, name: fmt.Sprint("v", i)}
			w.wg.Go(func() { // until the node has drained
				_ = n.hub.Serve(context.Background(), &saturated{conn, processor, each}, &media.Peer{Room: "standup", User: p.name, DisplayName: p.name})
			})
			p.Send(mediatest.Heartbeat())
			receivers = append(receivers, p)
		}
		mediatest.Advance(w.t, 2*time.Second)
		for _, p := range receivers {
			p.Arrived()
		}

		sound, pictures, told := make([]int, viewers), make([]int, viewers), make([]int, viewers)
		count := func() {
			for i, p := range receivers {
				for _, heard := range p.arrived() {
					switch heard[:5] {
					case "audio":
						sound[i]++
					case "video":
						pictures[i]++
					case "joine":
						told[i]++
					}
				}
			}
		}
		for slotN := range slots {
			for _, p := range publishers {
				p.Peer.Send(mediatest.Audio("hm"))
				if slotN%25 == 0 {
					p.Peer.Send(mediatest.VideoKey("key"))
				} else {
					p.Peer.Send(mediatest.VideoDelta("delta"))
				}
				p.Arrived()
			}
			if slotN == slots/2 {
				n.join("late")
			}
			mediatest.Advance(w.t, slot)
			count()
		}
		mediatest.Advance(w.t, 2*time.Second)
		synctest.Wait()
		count()
		all := speakers * slots
		for i := range receivers {
			if sound[i] != all {
				t.Errorf("viewer %d hears %d of %d packets of sound", i, sound[i], all)
			}
			if pictures[i] == 0 || pictures[i] > all/2 {
				t.Errorf("viewer %d gets %d of %d pictures: the test is no overload, or hides it", i, pictures[i], all)
			}
			if told[i] != 1 {
				t.Errorf("viewer %d is told %d times who came", i, told[i])
			}
		}
		lost := n.hub.Census().Total.Drops
		for _, why := range []rooms.Cause{rooms.Full, rooms.Stale, rooms.Skipped} {
			if lost[why][media.Audio]+lost[why][media.Control] > 0 {
				t.Errorf("%s: %d of sound, %d of control", why, lost[why][media.Audio], lost[why][media.Control])
			}
		}
		if lost[rooms.Stale][media.Video]+lost[rooms.Skipped][media.Video] == 0 {
			t.Error("no picture was dropped")
		}
	})
}
