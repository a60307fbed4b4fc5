package rooms_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// silence does what a host asks for on all nodes, as package app does.
func (w *world) silence(user, except string, source wire.Stream, nodes ...*node) {
	act := muting(user, except, source)
	for _, n := range nodes {
		n.hub.Apply(act)
	}
	synctest.Wait()
}

func muting(user, except string, source wire.Stream) media.Act {
	return media.Act{Room: "standup", User: user, Except: except, Silence: wire.SourcesOf(source), Asked: time.Now()}
}

func TestWhoIsMutedIsSilentUntilTheySwitchOffAndOn(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob, cyd := a.join("ada"), b.join("bob"), b.join("cyd")
		ada.hears()
		bob.hears()
		bob.Send(mediatest.Saying(wire.Audio, wire.Video))
		bob.Send(mediatest.Audio("before"))
		heard := []string{"heartbeat from bob", "audio before from bob"}
		ada.expect(heard...)
		cyd.expect(heard...)

		w.silence("bob", "", wire.Audio, a, b)
		bob.Send(mediatest.Audio("ignored"))
		bob.Send(mediatest.Saying(wire.Audio, wire.Video))
		bob.Send(mediatest.Audio("ignored"))
		bob.Send(mediatest.VideoKey("face"))
		heard = []string{"heartbeat from bob", "video face from bob"}
		ada.expect(heard...)
		cyd.expect(heard...)

		// A client that says it obeyed and goes on is held to its word.
		bob.Send(mediatest.Saying(wire.Video))
		bob.Send(mediatest.Audio("a lie"))
		bob.Send(mediatest.Saying(wire.Audio, wire.Video))
		bob.Send(mediatest.Audio("again"))
		heard = []string{"heartbeat from bob", "heartbeat from bob", "audio again from bob"}
		ada.expect(heard...)
		cyd.expect(heard...)
		if n := b.hub.Census().Total.Drops[rooms.Silenced][media.Audio]; n != 3 {
			t.Errorf("%d frames refused, want 3", n)
		}
	})
}

func TestWhoIsOffAlreadyMaySwitchOnAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.node("a")
		ada, bob := a.join("ada"), a.join("bob")
		ada.hears()
		bob.Send(mediatest.Saying())
		w.silence("bob", "", wire.Screen, a)
		bob.Send(mediatest.Saying(wire.Screen))
		bob.Send(mediatest.Screen("slides"))
		ada.expect("heartbeat from bob", "heartbeat from bob", "screen slides from bob")
	})
}

func TestMutingAllSparesTheHostAndThoseWhoComeLater(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob")
		phone := b.join("ada/phone")
		w.silence("", "ada", wire.Audio, a, b)
		cyd := b.join("cyd")
		for _, p := range []*person{ada, bob, phone, cyd} {
			p.hears()
		}
		for _, p := range []*person{ada, bob, phone, cyd} {
			p.Send(mediatest.Audio("hello"))
		}
		ada.expect("audio hello from ada/phone", "audio hello from cyd")
		bob.expect("audio hello from ada", "audio hello from ada/phone", "audio hello from cyd")
	})
}

// Coming back, here or on another node, is no way around it.
func TestWhoComesBackIsStillSilenced(t *testing.T) {
	for _, there := range []media.NodeID{"a", "b"} {
		t.Run("to "+string(there), func(t *testing.T) {
			inWorld(t, func(w *world) {
				nodes := map[media.NodeID]*node{"a": w.node("a"), "b": w.node("b")}
				ada, bob := nodes["a"].join("ada"), nodes["b"].join("bob/1")
				w.silence("bob", "", wire.Video, nodes["a"], nodes["b"])
				bob.Vanish()
				ada.hears()

				again := nodes[there].connect("bob/2", instance("same"))
				again.greeted()
				again.Send(mediatest.VideoKey("ignored"))
				again.expect("HOST_DISABLE_VIDEO")
				ada.expect("replaced bob/1 by bob/2")
				// Once more, before the loss is noticed.
				last := nodes["a"].connect("bob/3", instance("same"))
				last.greeted()
				last.Send(mediatest.Saying(wire.Video))
				last.Send(mediatest.VideoKey("ignored"))
				last.Send(mediatest.Saying())
				last.Send(mediatest.Saying(wire.Video))
				last.Send(mediatest.VideoKey("face"))
				if seen := about(ada.hears(), "video"); len(seen) != 1 || seen[0] != "video face from bob/3" {
					t.Errorf("ada sees %q", seen)
				}
			})
		})
	}
}

// Who is away when it is done finds it done.
func TestWhoIsAwayIsSilencedTooAndWhoObeyedIsNot(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob, cyd := a.join("ada"), b.join("bob/1"), b.join("cyd/1")
		w.silence("cyd", "", wire.Audio, a, b)
		cyd.Send(mediatest.Saying())
		bob.Vanish()
		cyd.Vanish()
		synctest.Wait()
		w.silence("bob", "", wire.Audio, a, b)
		bob, cyd = a.connect("bob/2"), a.connect("cyd/2")
		bob.greeted()
		cyd.greeted()
		ada.hears()
		bob.Send(mediatest.Audio("ignored"))
		cyd.Send(mediatest.Audio("hello"))
		ada.expect("replaced bob/1 by bob/2", "replaced cyd/1 by cyd/2", "audio hello from cyd/2")
	})
}

// Of clients that encrypt the envelope says what they send; that they obeyed shows in a pause.
func TestEncryptedSourcesAreSilencedUntilTheyPause(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.node("a")
		ada := a.join("ada")
		bob := a.connect("bob")
		bob.greeted()
		sound := mediatest.Sealed(callv1.PacketWrapper_AUDIO, 160)
		bob.Send(sound)
		ada.expect("joined bob", "opaque from bob")
		w.silence("bob", "", wire.Audio, a)
		for range 10 {
			mediatest.Advance(t, time.Second)
			bob.Send(sound)
			bob.Send(mediatest.Sealed(callv1.PacketWrapper_VIDEO, 2000))
		}
		if got := len(ada.hears()); got != 10 {
			t.Errorf("ada hears %d packets, want the 10 of the camera", got)
		}
		mediatest.Advance(t, 2*time.Second)
		bob.Send(sound)
		ada.expect("opaque from bob")
	})
}

// What says nothing of itself counts as video, but it may be a heartbeat as well.
func TestWhatSaysNothingOfItselfIsDroppedWithTheCameraIfLarge(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.node("a")
		ada, bob := a.join("ada"), a.join("bob")
		ada.hears()
		w.silence("bob", "", wire.Video, a)
		bob.Send(mediatest.Sealed(0, 2000))
		bob.Send(mediatest.Sealed(0, 200))
		ada.expect("opaque from bob")
	})
}

// An envelope that claims to be sound gets no picture through.
func TestEnvelopesCannotLieAboutWhatCanBeRead(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.node("a")
		ada, bob := a.join("ada"), a.join("bob")
		ada.hears()
		w.silence("bob", "", wire.Video, a)
		bob.Send(append(mediatest.VideoKey("hidden"), 6<<3, byte(callv1.PacketWrapper_AUDIO)))
		bob.Send(append(mediatest.Audio("open"), 6<<3, byte(callv1.PacketWrapper_VIDEO)))
		ada.expect("audio open from bob")
	})
}

// A node that did not hear of the act hears the event, when it can.
func TestTheEventAloneSilences(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob")
		ada.hears()
		if err := a.hub.Tell(w.t.Context(), "standup", wire.HostMute("standup", "", "ada")); err != nil {
			t.Fatal(err)
		}
		bob.expect("HOST_MUTE_PARTICIPANT")
		bob.Send(mediatest.Audio("ignored"))
		ada.Send(mediatest.Audio("hello"))
		bob.expect("audio hello from ada")
		ada.expect("HOST_MUTE_PARTICIPANT")
	})
}

// What waits for a slow receiver does not reach it afterwards.
func TestWhatWaitsOfWhoIsSilencedIsDropped(t *testing.T) {
	q := rooms.NewQueue(rooms.DefaultQueueLimits())
	now := time.Now()
	for i, kind := range []media.Kind{media.Audio, media.Video, media.Screen, media.Data} {
		for _, from := range []media.SessionID{1, 2} {
			q.Push(&media.Frame{From: from, Kind: kind, Key: true, Received: now, Wire: []byte{byte(i)}})
		}
	}
	q.Purge(1, wire.SourcesOf(wire.Audio, wire.Video))
	q.Push(&media.Frame{From: 1, Kind: media.Video, Received: now})
	frames, err := q.PopReady(make([]*media.Frame, 0, 16))
	var got []media.Kind
	for _, f := range frames {
		if f.From == 1 {
			got = append(got, f.Kind)
		}
	}
	if err != nil || len(frames) != 6 || len(got) != 2 || got[0] != media.Data || got[1] != media.Screen {
		t.Errorf("%d frames are left, %v of the first, %v", len(frames), got, err)
	}
}
