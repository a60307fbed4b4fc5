package rooms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/media/mediatest"
)

// TestWhoDoesNotKeepUpGetsALowerLayer lets frames wait for somebody until half of what may does.
func TestWhoDoesNotKeepUpGetsALowerLayer(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, slow, bob := n.join("ada"), n.join("slow"), n.join("bob")
		for _, p := range []*person{slow, bob} {
			p.Send(mediatest.Prefer(ada.id, 1))
		}
		ada.frames(1, "key", 0, 1)
		slow.hears()
		stall(n, slow, ada)
		bob.hears()
		big := strings.Repeat("x", 100<<10)
		for range 12 { // the video lane holds 2 MiB
			ada.Send(mediatest.Layer(1, "delta", big))
		}
		if got := n.hub.Counters().LayersLowered.Load(); got != 1 {
			t.Fatalf("%d receivers got a lower layer, want 1", got)
		}
		ada.hears()
		bob.hears()
		ada.Send(mediatest.Layer(0, "delta", "0d"))
		if heard := ada.hears(); !slices.Equal(heard, []string{"keyframe for ada from slow"}) {
			t.Errorf("ada hears %q", heard)
		}
		ada.frames(1, "key", 0)
		ada.frames(2, "delta", 0, 1)
		bob.wantShown("1d 1d")
		heard := append(slow.hears(), slow.hears()...) // answers overtake what waits
		if !slices.Contains(heard, "downlink congestion") {
			t.Error("nobody told the slow one")
		}
		if shown := about(heard, "video"); !slices.Equal(shown[len(shown)-3:], []string{"video 0k from ada", "video 0d from ada", "video 0d from ada"}) {
			t.Errorf("slow is shown %.60q at last", shown[len(shown)-3:])
		}

		if heard := about(ada.hears(), "wanted"); len(heard) > 0 {
			t.Errorf("ada hears %q", heard) // bob still wants layer 1
		}
		for range 10 { // seconds in which it keeps up
			mediatest.Advance(t, time.Second)
			ada.frames(1, "delta", 0, 1)
			slow.hears()
		}
		ada.hears()
		mediatest.Advance(t, time.Second)
		ada.frames(2, "delta", 0, 1)
		if heard := ada.hears(); !slices.Contains(heard, "keyframe for ada layer 1 from slow") {
			t.Errorf("ada hears %q", heard)
		}
		slow.hears()
		ada.frames(1, "key", 1)
		ada.frames(1, "delta", 0, 1)
		slow.wantShown("1k 1d")
	})
}
