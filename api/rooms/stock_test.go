package rooms_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// stuck is the node's end of a connection that takes no pictures.
type stuck struct {
	*mediatest.Conn
	once   sync.Once
	closed chan struct{}
}

func (s *stuck) Write(ctx context.Context, frames []*media.Frame) error {
	for _, f := range frames {
		if f.Kind == media.Screen {
			<-s.closed
			return net.ErrClosed
		}
	}
	return s.Conn.Write(ctx, frames)
}

func (s *stuck) Close(code fault.Code) error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close(code)
}

// joinStuck lets somebody in who never takes a picture.
func (n *node) joinStuck(name string, peer media.Peer) (ended chan error) {
	conn, far := mediatest.Pipe(n.t, media.WebSocket)
	ctx, cancel := context.WithCancelCause(context.Background())
	n.t.Cleanup(func() { cancel(nil) })
	ended = make(chan error, 1)
	peer.User, peer.DisplayName = name, name
	n.wg.Go(func() { ended <- n.hub.Serve(ctx, &stuck{Conn: conn, closed: make(chan struct{})}, &peer) })
	far.Send(mediatest.Heartbeat())
	synctest.Wait()
	return ended
}

// Receivers who are stuck since different times hold different frames, each little enough.
func TestAllQueuesTogetherAreBounded(t *testing.T) {
	const most, size, pictures = 2 << 20, 100 << 10, 60
	inWorld(t, func(w *world) {
		n := w.nodeOf(rooms.Options{Node: "a", Relay: w.bus.Node("a"), Stock: most})
		calm := []*person{n.join("ann", room("calm")), n.join("ben", room("calm"))}
		slowCalm := n.joinStuck("slow", media.Peer{Room: "calm"})
		eve, bob := n.join("eve"), n.join("bob")
		var ends []chan error
		sound, told, highest := 0, 0, 0
		for i := range pictures {
			ends = append(ends, n.joinStuck(fmt.Sprint("stuck", i), media.Peer{Room: "standup"}))
			eve.Send(mediatest.Screen(fmt.Sprint(i, strings.Repeat("x", size))))
			eve.Send(mediatest.Audio("hm"))
			calm[0].Send(mediatest.Screen("slide"))
			highest = max(highest, n.hub.Held())
			sound += len(about(bob.hears(), "audio"))
			told += len(about(eve.hears(), "congestion"))
			calm[1].hears()
			mediatest.Advance(t, 100*time.Millisecond)
		}
		mediatest.Advance(t, 2*time.Second)
		if highest > most || highest < most*3/4 {
			t.Errorf("queues held up to %d bytes, %d may be", highest, most)
		}
		if sound != pictures {
			t.Errorf("who keeps up hears %d of %d packets", sound, pictures)
		}
		if told == 0 {
			t.Error("the publisher was not told")
		}
		slow := 0
		for _, end := range ends {
			select {
			case err := <-end:
				slow++
				if fault.CodeOf(err) != fault.Slow {
					t.Errorf("a receiver ended with %v", err)
				}
			default:
			}
		}
		if slow == 0 || slow == len(ends) {
			t.Errorf("%d of %d stuck receivers were ended", slow, len(ends))
		}
		select {
		case err := <-slowCalm:
			t.Errorf("in a room that holds little somebody ended with %v", err)
		default:
		}
		for _, r := range n.hub.Census().Rooms {
			lost := r.Count.Drops[rooms.Memory]
			if r.Room == "calm" && lost != [len(lost)]uint64{} {
				t.Errorf("a room that holds little lost %v", lost)
			}
			if r.Room == "standup" && (lost[media.Screen] == 0 || lost[media.Audio]+lost[media.Control] > 0) {
				t.Errorf("the room that holds too much lost %v", lost)
			}
		}
		n.hub.Stock() // which may drop some
		synctest.Wait()
		if s := n.hub.Stock(); s.Most != most || s.Held != int64(n.hub.Held()) {
			t.Errorf("%+v, there are %d", s, n.hub.Held())
		}
	})
}

// What is shed of a queue begins with the pictures, and a stream goes on at a keyframe.
func TestWhatIsShedOfAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := rooms.NewQueue(rooms.DefaultQueueLimits())
		push := func(f *media.Frame) time.Time {
			q.Push(f)
			mediatest.Advance(t, time.Millisecond)
			return f.Received
		}
		push(key(media.Video, "v1"))
		push(frame(media.Control, "c1"))
		push(frame(media.Audio, "a1"))
		push(frame(media.Data, "d1"))
		first := push(key(media.Screen, "s1"))
		push(frame(media.Screen, "s2"))
		push(key(media.Screen, "s3"))
		push(frame(media.Video, "v2"))
		q.Shed(media.Screen, first)
		push(frame(media.Video, "v3"))
		push(key(media.Video, "v4"))
		last := push(frame(media.Audio, "a2"))
		want(t, pop(t, q), "c1", "a1", "a2", "d1", "s3", "v4")
		lost := q.Stats().Lost
		if m, s := lost[rooms.Memory], lost[rooms.Skipped]; m[media.Video] != 1 || m[media.Screen] != 1 || s[media.Video] != 2 || s[media.Screen] != 1 {
			t.Errorf("lost to memory %v, skipped %v", m, s)
		}
		push(frame(media.Control, "c2"))
		push(frame(media.Audio, "a3"))
		push(frame(media.Data, "d2"))
		q.Shed(media.Audio, last)
		want(t, pop(t, q), "c2", "a3")
	})
}

func TestFairShareOfRooms(t *testing.T) {
	for _, tc := range []struct {
		most, want int64
		held       []int64
	}{
		{6, 4, []int64{10, 1, 1}},
		{6, 2, []int64{10, 10, 10}},
		{9, 4, []int64{4, 1, 6}},
		{100, 100, []int64{1000}},
	} {
		if got := rooms.FairShare(tc.most, tc.held...); got != tc.want {
			t.Errorf("%d for %v: %d each, want %d", tc.most, tc.held, got, tc.want)
		}
	}
	if got := rooms.FairShare(6, 1, 2, 3); got < 6 {
		t.Errorf("all fits, and yet nobody may hold more than %d", got)
	}
}

// Probes are echoed and never dropped, so they cannot be large.
func TestLargeProbesAreNone(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Peer.Send(mediatest.Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_RTT, Data: make([]byte, 65<<10)}))
		ada.expect()
		if got := n.hub.Counters().Malformed.Load(); got != 1 {
			t.Errorf("counted %d malformed packets", got)
		}
	})
}
