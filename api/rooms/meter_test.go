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

// ruled is a node that goes by rules.
func (w *world) ruled(id media.NodeID, rules *rooms.Rules) *node {
	return w.nodeOf(rooms.Options{Node: id, Relay: w.bus.Node(id), Rules: func(media.RoomID) rooms.Rules { return *rules }})
}

// picture is a packet of size bytes.
func picture(kind callv1.MediaPacket_MediaType, frame string, size int) []byte {
	return mediatest.Media(&callv1.MediaPacket{MediaType: kind, FrameType: frame, Data: make([]byte, size)})
}

// What all members send together stays below the cap, on whatever nodes they are, sound goes
// first, and who sends nothing leaves the others their part.
func TestCapOfARoomIsDividedBetweenItsMembers(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Kbit: 1000}
		a, b := w.ruled("a", &rules), w.ruled("b", &rules)
		ada, bob, cyd, dan := a.join("ada"), b.join("bob"), b.join("cyd"), a.join("dan")
		// A second of what they send: sound of 32 kbit/s, pictures of about 1.6 Mbit/s.
		second := func(people ...*person) {
			for i := range 50 {
				for _, p := range people {
					p.Peer.Send(picture(callv1.MediaPacket_AUDIO, "key", 80))
					kind := "delta"
					if i%10 == 0 {
						kind = "key"
					}
					p.Peer.Send(picture(callv1.MediaPacket_VIDEO, kind, 4000))
				}
				mediatest.Advance(t, 20*time.Millisecond)
			}
		}
		// measure returns kbit/s of pictures and how many packets of sound dan gets of each.
		measure := func(people ...*person) (kbit, sound map[string]float64) {
			second(people...) // what may come at once
			second(people...)
			dan.hears()
			kbit, sound = map[string]float64{}, map[string]float64{}
			const seconds = 10
			for range seconds {
				second(people...)
				for _, r := range dan.Sync() {
					info := wire.Classify(r.Wire)
					p, _ := wire.Scan(r.Wire)
					switch {
					case info.Class != wire.MediaFrame:
					case info.Stream == wire.Audio:
						sound[string(p.UserID)] += 1.0 / seconds
					default:
						kbit[string(p.UserID)] += float64(len(r.Wire)) * 8 / 1000 / seconds
					}
				}
			}
			return kbit, sound
		}
		between := func(what string, got, lo, hi float64) {
			t.Helper()
			if got < lo || got > hi {
				t.Errorf("%s: %.0f, want %.0f to %.0f", what, got, lo, hi)
			}
		}
		kbit, sound := measure(ada)
		between("ada alone, kbit/s", kbit["ada"], 800, 1000)
		between("sound of ada", sound["ada"], 49, 51)
		if heard := about(ada.hears(), "congestion"); len(heard) == 0 {
			t.Error("ada is not asked to send less")
		}

		kbit, sound = measure(ada, bob)
		between("all", kbit["ada"]+kbit["bob"], 700, 1000)
		between("ada's part", kbit["ada"], 0.4*(kbit["ada"]+kbit["bob"]), 0.6*(kbit["ada"]+kbit["bob"]))
		between("sound of ada", sound["ada"], 49, 51)
		between("sound of bob", sound["bob"], 49, 51)

		mediatest.Advance(t, 4*time.Second) // ada is silent
		ada.Send(mediatest.Heartbeat())
		ada.Send(mediatest.Saying())
		kbit, _ = measure(bob)
		between("bob alone", kbit["bob"], 800, 1000)

		// Sound alone above the cap is cut as well.
		rules.Kbit = 64
		a.hub.Refresh()
		b.hub.Refresh()
		kbit, sound = measure(ada, bob, cyd)
		between("pictures", kbit["ada"]+kbit["bob"]+kbit["cyd"], 0, 10)
		between("sound", sound["ada"]+sound["bob"]+sound["cyd"], 40, 110)

		rules.Kbit = 0
		a.hub.Refresh()
		b.hub.Refresh()
		kbit, _ = measure(ada)
		between("without a cap", kbit["ada"], 1600, 1700)
	})
}

// The upper layers of who sends several go before the lowest.
func TestTheLowestLayerIsDroppedLast(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Kbit: 1000}
		a := w.ruled("a", &rules)
		ada, bob := a.join("ada", instance("1")), a.join("bob")
		ada.hears()
		got := map[uint32]int{}
		for range 500 {
			for layer, size := range []int{1000, 5000} { // 400 and 2,000 kbit/s
				bob.Peer.Send(append(picture(callv1.MediaPacket_VIDEO, "key", size), 5<<3, byte(layer)))
			}
			mediatest.Advance(t, 20*time.Millisecond)
			for _, r := range ada.Sync() {
				got[wire.Classify(r.Wire).Layer]++
			}
		}
		if got[0] != 500 || got[1] < 50 || got[1] > 250 {
			t.Errorf("packets by layer: %v", got)
		}
	})
}

// A stream that is cut goes on with a keyframe, for which its sender is asked.
func TestWhatIsCutGoesOnWithAKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Kbit: 100}
		a := w.ruled("a", &rules)
		ada, bob := a.join("ada"), a.join("bob")
		ada.hears()
		bob.hears()
		bob.Send(picture(callv1.MediaPacket_VIDEO, "key", 20_000))
		bob.Send(mediatest.VideoDelta("cut"))
		mediatest.Advance(t, 2*time.Second)
		bob.Send(mediatest.VideoDelta("cut as well"))
		bob.expect("keyframe for bob from ?")
		bob.Send(mediatest.VideoKey("anew"))
		bob.Send(mediatest.VideoDelta("and on"))
		if heard := about(ada.hears(), "cut"); len(heard) > 0 {
			t.Errorf("ada hears %q", heard)
		}
		bob.expect()
	})
}

func TestRulesAreToldAndHold(t *testing.T) {
	inWorld(t, func(w *world) {
		var rules rooms.Rules
		a := w.ruled("a", &rules)
		ada, bob := a.join("ada"), a.join("bob")
		ada.hears()
		a.hub.Refresh()
		bob.expect()
		rules = rooms.Rules{NoScreens: true, Encrypted: true}
		a.hub.Refresh()
		told := []string{"MEETING_SETTINGS_UPDATED", "HOST_STOP_SCREEN_SHARE"}
		ada.expect(told...)
		bob.expect(told...)
		for range 3 {
			bob.Send(mediatest.Audio("in the clear"))
			bob.Send(mediatest.Sealed(callv1.PacketWrapper_SCREEN, 2000))
		}
		bob.expect("refused: encryption_required", "refused: screen_share_off") // one for each reason, not for each packet
		bob.Send(mediatest.Sealed(callv1.PacketWrapper_AUDIO, 160))
		bob.Send(mediatest.Heartbeat())
		ada.expect("opaque from bob", "heartbeat from bob")
		mediatest.Advance(t, 5*time.Second)
		bob.Send(mediatest.Audio("in the clear"))
		bob.expect("refused: encryption_required")

		// Whoever comes later finds the same.
		cyd := a.join("cyd")
		bob.hears()
		cyd.Send(mediatest.Screen("slides"))
		bob.expect()
		rules = rooms.Rules{}
		a.hub.Refresh()
		synctest.Wait()
		cyd.hears()
		bob.hears()
		cyd.Send(mediatest.Screen("slides"))
		bob.expect("screen slides from cyd")
	})
}
