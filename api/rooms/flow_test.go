package rooms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media/mediatest"
	"parley/api/rooms"
)

func TestKeyframeRequestGoesToItsTargetOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		phone := n.join("bob/phone")
		for _, p := range []*person{ada, bob, eve, phone} {
			p.hears()
		}
		ada.Send(mediatest.KeyframeRequest("bob", 0))
		bob.expect("keyframe for bob from ada")
		phone.expect("keyframe for bob from ada")
		ada.Send(mediatest.KeyframeRequest("bob", phone.id))
		phone.expect("keyframe for bob from ada")
		bob.expect()
		eve.expect()
		ada.expect()
	})
}

func TestKeyframeRequestsAreLimitedPerTarget(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		for _, p := range []*person{ada, bob, eve} {
			p.hears()
		}
		for range 5 {
			ada.Send(mediatest.KeyframeRequest("bob", 0))
		}
		bob.expect("keyframe for bob from ada", "keyframe for bob from ada")
		ada.Send(mediatest.KeyframeRequest("eve", 0)) // another stream has its own allowance
		eve.expect("keyframe for eve from ada")
		mediatest.Advance(t, time.Second+time.Millisecond)
		ada.Send(mediatest.KeyframeRequest("bob", 0))
		bob.expect("keyframe for bob from ada")

		mediatest.Advance(t, 2*time.Second)
		for i := range 100 {
			ada.Send(mediatest.KeyframeRequest("bob", uint64(1000+i)))
		}
		ada.Send(mediatest.KeyframeRequest("bob", 0)) // beyond what one receiver may ask in all
		bob.expect()
		if got := n.hub.Counters().KeyframesLimited.Load(); got != 3+69 {
			t.Errorf("limited %d requests", got)
		}
	})
}

func TestLatecomersShareOneKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Send(mediatest.VideoKey("k1"))
		bob, eve := n.join("bob"), n.join("eve")
		ada.hears()
		bob.hears()
		ada.Send(mediatest.VideoDelta("d2"))
		ada.expect("keyframe for ada from bob") // the server asks for both
		ada.Send(mediatest.VideoDelta("d3"))
		ada.expect()
		bob.expect("video d2 from ada", "video d3 from ada")
		eve.expect("video d2 from ada", "video d3 from ada")
	})
}

func TestLatecomerIsNotForgottenByTheLimit(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Send(mediatest.VideoKey("k"))
		n.join("bob")
		ada.Send(mediatest.VideoDelta("d"))
		if heard := ada.hears(); !slices.Contains(heard, "keyframe for ada from bob") {
			t.Fatalf("ada hears %q", heard)
		}
		mediatest.Advance(t, 50*time.Millisecond)
		ada.Send(mediatest.VideoKey("k"))
		mediatest.Advance(t, 50*time.Millisecond)
		zoe := n.join("zoe") // too soon after the request for bob
		ada.Send(mediatest.VideoDelta("d"))
		for range 20 {
			mediatest.Advance(t, 33*time.Millisecond)
			ada.Send(mediatest.VideoDelta("d"))
		}
		if heard := ada.hears(); !slices.Contains(heard, "keyframe for ada from zoe") {
			t.Errorf("ada hears %q", heard)
		}
		zoe.hears()
	})
}

func TestReceiverThatBecomesActiveGetsAKeyframeOfItsOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		ada.Send(mediatest.VideoDelta("d1"))
		bob.expect("video d1 from ada")
		ada.expect() // nobody can tell yet whether this connection stays
		mediatest.Advance(t, time.Second)
		bob.Send(mediatest.Heartbeat())
		ada.Send(mediatest.VideoDelta("d2"))
		ada.expect("joined bob", "heartbeat from bob", "keyframe for ada from bob")
	})
}

// stall fills the pipe of p so that its queue begins to grow: the writer holds one batch.
func stall(n *node, p *person, from *person) {
	n.t.Helper()
	for range 1024 + 2*64 {
		from.Send(mediatest.Audio("fill"))
	}
	synctest.Wait()
}

func TestCongestedReceiverIsReportedToTheSenderOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, slow := n.join("ada"), n.join("bob"), n.join("slow")
		ada.hears()
		bob.hears()
		stall(n, slow, ada)
		bob.hears()
		big := strings.Repeat("x", 64<<10)
		for i := range 8 { // the audio lane holds 256 KiB
			ada.Send(mediatest.Audio(fmt.Sprint(i, big)))
		}
		if got := ada.hears(); len(got) != 1 || got[0] != "congestion at slow" {
			t.Errorf("ada hears %.60q", got)
		}
		for i := range 8 { // within the same second nothing new is said
			ada.Send(mediatest.Audio(fmt.Sprint(i, big)))
		}
		ada.expect()
		mediatest.Advance(t, time.Second)
		for i := range 5 {
			ada.Send(mediatest.Audio(fmt.Sprint(i, big)))
		}
		ada.expect("congestion at slow")
		for _, heard := range bob.hears() {
			if !strings.HasPrefix(heard, "audio") {
				t.Errorf("bob hears %.60q", heard)
			}
		}
	})
}

func TestSlowReceiverCostsOthersNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, slow := n.join("ada"), n.join("bob"), n.join("slow")
		ada.hears()
		bob.hears()
		stall(n, slow, ada)
		bob.hears()
		frame := strings.Repeat("v", 100<<10)
		ada.Send(mediatest.VideoKey("k"))
		for range 100 { // 10 MB: far beyond what one queue holds
			ada.Send(mediatest.VideoDelta(frame))
			if got := bob.hears(); len(got) == 0 {
				t.Fatal("bob misses a frame")
			}
		}
		// The slow one resumes at a keyframe and never shows a frame it cannot decode.
		mediatest.Advance(t, time.Second)
		for len(slow.hears()) > 0 {
		}
		ada.Send(mediatest.VideoDelta("useless"))
		ada.Send(mediatest.VideoKey("k2"))
		ada.Send(mediatest.VideoDelta("d2"))
		heard := slices.DeleteFunc(slow.hears(), func(h string) bool { return h == "downlink congestion" })
		if !slices.Equal(heard, []string{"video k2 from ada", "video d2 from ada"}) {
			t.Errorf("slow hears %q", heard)
		}
	})
}

func TestNothingOfASessionArrivesAfterItsDeparture(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, slow := n.join("ada"), n.join("bob"), n.join("slow")
		slow.hears()
		stall(n, slow, bob)
		ada.hears()
		for range 3 {
			bob.Send(mediatest.VideoKey("late"))
		}
		bob.end(nil)
		bob.Leave()
		mediatest.Advance(t, rooms.DefaultGrace)
		heard := slow.hears()
		departed := false
		for _, h := range heard {
			departed = departed || h == "left bob"
			if departed && strings.HasSuffix(h, "from bob") {
				t.Errorf("after the departure came %q", h)
			}
		}
		if !departed {
			t.Error("no departure")
		}
	})
}
