package rooms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	callv1 "parley/protobuf/call/v1"
)

// frames sends n frames of the camera in each of these layers, 33 ms apart. Their text is the
// layer and, for the first of a keyframe, "k".
func (p *person) frames(n int, frame string, layers ...uint32) {
	p.w.t.Helper()
	for range n {
		for _, l := range layers {
			p.Send(mediatest.Layer(l, frame, fmt.Sprint(l, frame[:1])))
		}
		mediatest.Advance(p.w.t, 33*time.Millisecond)
	}
}

// shows returns what p received of cameras, in short: "0k 1d".
func (p *person) shows() string {
	p.w.t.Helper()
	var got []string
	for _, h := range p.hears() {
		if text, ok := strings.CutPrefix(h, "video "); ok {
			text, _, _ = strings.Cut(text, " from")
			got = append(got, text)
		}
	}
	return strings.Join(got, " ")
}

func (p *person) wantShown(want string) {
	p.w.t.Helper()
	if got := p.shows(); got != want {
		p.w.t.Errorf("%s is shown %q, want %q", p.name, got, want)
	}
}

func TestWhoAsksForNothingGetsAllLayersOrTheLowest(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, old := n.join("ada"), n.join("bob", instance("1")), n.join("old")
		bob.hears()
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("0k 1k 2k 0d 1d 2d")
		old.wantShown("0k 0d") // it would decode them as one
	})
}

func TestOneLayerIsDelivered(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		bob.Send(mediatest.Prefer(ada.id, 1))
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(2, "delta", 0, 1, 2)
		bob.wantShown("0k 1k 1d 1d")
		ada.Send(mediatest.Audio("hello"))
		bob.expect("audio hello from ada")
	})
}

func TestAnotherLayerBeginsWithItsKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob", instance("1"))
		bob.Send(mediatest.Prefer(ada.id, 0))
		ada.frames(1, "key", 0, 1, 2)
		ada.hears()
		bob.hears()
		for _, layer := range []uint32{2, 1, 0} {
			before := bob.shows()
			bob.Send(mediatest.Prefer(ada.id, layer))
			mediatest.Advance(t, time.Second)
			ada.frames(2, "delta", 0, 1, 2)
			if got := bob.shows(); got != before && !strings.HasSuffix(got, "d") {
				t.Errorf("bob is shown %q", got)
			}
			want := "keyframe for ada from bob"
			if layer > 0 {
				want = fmt.Sprintf("keyframe for ada layer %d from bob", layer)
			}
			if got := about(ada.hears(), "keyframe"); len(got) != 1 || got[0] != want {
				t.Errorf("ada is asked %q, want %q", got, want)
			}
			ada.frames(1, "key", layer)
			ada.frames(1, "delta", 0, 1, 2)
			bob.wantShown(fmt.Sprintf("%dk %[1]dd", layer))
		}
	})
}

func TestKeyframeIsAskedForAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.frames(1, "key", 0, 1)
		bob.Send(mediatest.Prefer(ada.id, 1))
		ada.hears()
		ada.frames(31, "delta", 0, 1) // a second
		if got := len(about(ada.hears(), "keyframe")); got < 2 || got > 3 {
			t.Errorf("ada is asked %d times in a second", got)
		}
	})
}

func TestWhatIsNotSentIsReplacedFromBelow(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		bob.Send(mediatest.Prefer(ada.id, 2))
		ada.frames(1, "key", 0, 1)
		ada.frames(1, "delta", 0, 1)
		bob.wantShown("0k 1k 1d")
		ada.frames(30, "delta", 0) // layer 1 is given up
		bob.hears()
		ada.hears()
		ada.frames(16, "delta", 0)
		if got := about(ada.hears(), "keyframe for ada from"); len(got) == 0 {
			t.Error("nobody asks for the layer below")
		}
		ada.frames(1, "key", 0)
		ada.frames(1, "delta", 0)
		bob.wantShown("0k 0d")
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("0k 1k 2k 2d")
	})
}

func TestHiddenCamerasAreNotSent(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		all := func(frame string) {
			t.Helper()
			for _, p := range []*person{ada, eve} {
				p.Send(mediatest.Layer(0, frame, p.name+frame[:1]))
			}
			mediatest.Advance(t, time.Second)
		}
		all("key")
		bob.wantShown("adak evek")
		bob.Send(mediatest.Viewport(ada.id, bob.id))
		all("delta")
		ada.Send(mediatest.Audio("x"))
		eve.Send(mediatest.Audio("y"))
		eve.Send(mediatest.Screen("z"))
		if got := strings.Join(bob.hears(), ", "); got != "video adad from ada, audio x from ada, audio y from eve, screen z from eve" {
			t.Errorf("bob hears %q", got)
		}
		eve.hears()
		bob.Send(mediatest.Viewport(ada.id, eve.id))
		all("delta") // of no use without what came before
		bob.wantShown("adad")
		if got := about(eve.hears(), "keyframe"); len(got) != 1 {
			t.Errorf("eve hears %q", got)
		}
		all("key")
		bob.wantShown("adak evek")
		bob.Send(mediatest.Viewport(bob.id)) // nobody else: all
		all("delta")
		bob.wantShown("adad eved")
	})
}

func TestACameraThatWasHiddenComesInTheChosenLayer(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		bob.Send(mediatest.Viewport(eve.id))
		ada.frames(1, "key", 0, 1, 2)
		bob.Send(mediatest.Prefer(ada.id, 1))
		ada.hears()
		bob.Send(mediatest.Viewport(ada.id))
		ada.frames(1, "delta", 0, 1, 2)
		if got := about(ada.hears(), "keyframe"); len(got) != 1 || got[0] != "keyframe for ada layer 1 from bob" {
			t.Errorf("ada hears %q", got)
		}
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("1k 1d")
	})
}

func TestPicturesOfOneSourceAreChosenApart(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		bob.Send(mediatest.Preferring(
			&callv1.LayerPreferencePacket_Entry{SessionId: ada.id, DesiredLayer: 0},
			&callv1.LayerPreferencePacket_Entry{SessionId: ada.id, DesiredLayer: 1, MediaKind: callv1.LayerPreferencePacket_ENTRY_SCREEN},
			&callv1.LayerPreferencePacket_Entry{SessionId: ada.id, DesiredLayer: 99}, // nobody has it
			&callv1.LayerPreferencePacket_Entry{SessionId: ada.id, DesiredLayer: 1, MediaKind: callv1.LayerPreferencePacket_ENTRY_AUDIO},
		))
		for _, typ := range []callv1.MediaPacket_MediaType{callv1.MediaPacket_VIDEO, callv1.MediaPacket_SCREEN} {
			for layer := range uint32(2) {
				ada.Send(mediatest.Picture(typ, layer, "key", fmt.Sprint(layer)))
			}
		}
		ada.Send(mediatest.Picture(callv1.MediaPacket_SCREEN, 0, "delta", "0"))
		if got := strings.Join(bob.hears(), ", "); got != "screen 0 from ada, screen 1 from ada, video 0 from ada" &&
			got != "video 0 from ada, screen 0 from ada, screen 1 from ada" {
			t.Errorf("bob hears %q", got)
		}
	})
}

func TestSoundInLayersIsHeardInOne(t *testing.T) {
	inWorld(t, func(w *world) {
		n, m := w.node("a"), w.node("b")
		ada := n.join("ada")
		old, bob, eve := n.join("old"), m.join("bob"), m.join("eve", instance("1"))
		says := func(want map[*person]string, layers ...uint32) {
			t.Helper()
			for _, l := range layers {
				ada.Send(mediatest.Picture(callv1.MediaPacket_AUDIO, l, "key", fmt.Sprint(l)))
			}
			mediatest.Advance(t, 20*time.Millisecond)
			for p, want := range want {
				got := ""
				for _, h := range about(p.hears(), "audio") {
					got += h[len("audio ") : len("audio ")+1]
				}
				if got != want {
					t.Errorf("%s hears layers %q, want %q", p.name, got, want)
				}
			}
		}
		bob.Send(mediatest.Preferring(&callv1.LayerPreferencePacket_Entry{
			SessionId: ada.id, DesiredLayer: 1, MediaKind: callv1.LayerPreferencePacket_ENTRY_AUDIO,
		}))
		bob.Send(mediatest.Viewport(eve.id)) // hides no sound
		for range 3 {
			says(nil, 0, 1, 2)
		}
		for _, p := range []*person{old, bob, eve} {
			p.hears()
		}
		says(map[*person]string{old: "0", bob: "1", eve: "012"}, 0, 1, 2)
		for range 20 { // the layer that bob hears is given up
			says(nil, 0, 2)
		}
		bob.hears()
		says(map[*person]string{bob: "0"}, 0, 2)
		says(map[*person]string{bob: "01"}, 0, 1, 2)
		says(map[*person]string{bob: "1"}, 0, 1, 2)
	})
}

func TestAPreferenceThatIsNoneChangesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		bob.Send(mediatest.Prefer(ada.id, 1))
		ada.frames(1, "key", 0, 1, 2)
		bob.hears()
		bob.Send(mediatest.Wrap(callv1.PacketWrapper_LAYER_PREFERENCE, []byte{1, 2, 3}))
		bob.Send(mediatest.Wrap(callv1.PacketWrapper_VIEWPORT, []byte("eve")))
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("1d")
		ada.expect("joined bob", "heartbeat from bob")
	})
}

// Packets that have streams of their own overtake each other; what was asked for last holds.
func TestAWishThatWasOvertakenChangesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, eve, bob := n.join("ada"), n.join("eve"), n.join("bob")
		bob.SendOn(10, mediatest.Prefer(ada.id, 1))
		bob.SendOn(6, mediatest.Prefer(ada.id, 0))
		bob.SendOn(18, mediatest.Viewport(ada.id))
		bob.SendOn(14, mediatest.Viewport(eve.id))
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("0k 1k 1d")
		bob.SendOn(22, mediatest.Prefer(ada.id, 2))
		ada.frames(1, "key", 0, 1, 2)
		ada.frames(1, "delta", 0, 1, 2)
		bob.wantShown("1k 2k 2d")
	})
}

// To change one's mind all the time is a flood as well.
func TestWishesAreTakenAtAPace(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		many := make([]uint64, 256)
		for i := range many {
			many[i] = 1<<63 + uint64(i)
		}
		start := time.Now()
		for range 200 { // 32 packets' worth each, of which 1,000 in a second are taken
			bob.Peer.Send(mediatest.Viewport(many...))
		}
		if took := time.Since(start); took < 2*time.Second || took > 10*time.Second {
			t.Errorf("200 large wishes were taken in %v", took)
		}
		bob.Send(mediatest.Audio("still here"))
		mediatest.Advance(t, time.Second)
		if heard := ada.hears(); heard[len(heard)-1] != "audio still here from bob" {
			t.Errorf("ada hears %q", heard)
		}
	})
}

// TestDeliveredIsWhatWasSelected holds a receiver's bytes to its choice.
func TestDeliveredIsWhatWasSelected(t *testing.T) {
	inWorld(t, func(w *world) {
		n, elsewhere := w.node("a"), w.node("b")
		ada := n.join("ada")
		people := []*person{n.join("p0"), elsewhere.join("p1"), n.join("p2")}
		sizes := []int{100, 400, 1600}
		for layer, p := range people {
			p.Send(mediatest.Prefer(ada.id, uint32(layer)))
		}
		for layer := range sizes { // once everybody is where they want to be
			ada.Send(mediatest.Layer(uint32(layer), "key", "k"))
		}
		for _, p := range people {
			p.hears()
		}
		want := make([]int, len(people))
		for range 100 {
			for layer, size := range sizes {
				text := strings.Repeat("x", size)
				ada.Send(mediatest.Layer(uint32(layer), "delta", text))
				want[layer] += size
			}
			mediatest.Advance(t, 33*time.Millisecond)
		}
		for layer, p := range people {
			got := 0
			for _, h := range p.hears() {
				got += strings.Count(h, "x")
			}
			if got != want[layer] {
				t.Errorf("layer %d: %d bytes delivered, want %d", layer, got, want[layer])
			}
		}
		c := n.hub.Counters()
		if unwanted := c.Unwanted[media.Video].Load(); unwanted < 300 {
			t.Errorf("%d frames were left out", unwanted)
		}
	})
}
