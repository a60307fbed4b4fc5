package rooms_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// names are what counts calls streams.
var names = map[wire.Stream]string{wire.Audio: "audio", wire.Video: "video", wire.Screen: "screen"}

// counts returns how many packets a person got, by sender and stream.
func (p *person) counts() map[string]int {
	p.w.t.Helper()
	synctest.Wait()
	n := map[string]int{}
	for _, r := range p.Sync() {
		info := wire.Classify(r.Wire)
		if packet, err := wire.Scan(r.Wire); err == nil && info.Class == wire.MediaFrame {
			n[string(packet.UserID)+" "+names[info.Stream]]++
		}
	}
	return n
}

// drops returns what the node dropped for a reason.
func (n *node) drops(why rooms.Cause) (sum uint64) {
	for _, count := range n.hub.Census().Total.Drops[why] {
		sum += count
	}
	return sum
}

// Who floods is held to their budget, told so, and hurts nobody else.
func TestFloodOfOneSessionIsDropped(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Session: rooms.Budget{Packets: 100, Kbit: 1000}}
		n := w.ruled("a", &rules)
		ada, eve, bob := n.join("ada"), n.join("eve"), n.join("bob")
		eve.hears()
		bob.hears()
		begin := time.Now()
		for range 1000 { // at once: for two seconds what is sent in two, and the rest is too much
			eve.Peer.Send(picture(callv1.MediaPacket_AUDIO, "", 20))
		}
		ada.Send(picture(callv1.MediaPacket_AUDIO, "", 80))
		got, most := bob.counts(), 200+100*time.Since(begin).Seconds()
		if sound := float64(got["eve audio"]); sound > most || sound < most-10 || got["ada audio"] != 1 {
			t.Errorf("bob hears %v, want %v packets of eve at most, and ada", got, most)
		}
		if d := n.drops(rooms.Flooding); d < 190 { // beyond twice the budget eve is read slowly
			t.Errorf("%d packets are counted as a flood", d)
		}
		mediatest.Advance(t, 10*time.Second) // what was not read by now is
		told := about(eve.hears(), "refused")
		if len(told) != 1 || told[0] != "refused: too_much" {
			t.Errorf("eve is told %q", told)
		}
		if told := about(ada.hears(), "refused"); len(told) != 0 {
			t.Errorf("ada is told %q", told)
		}
		bob.counts()
		eve.Send(picture(callv1.MediaPacket_AUDIO, "", 80))
		if got := bob.counts(); got["eve audio"] != 1 {
			t.Errorf("after the flood bob hears %v", got)
		}
	})
}

// Large packets count by their bytes, and pictures come back with a keyframe, which is asked for.
func TestFloodOfLargePicturesEndsWithAKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Session: rooms.Budget{Packets: 1000, Kbit: 8000}} // a million bytes a second
		n := w.ruled("a", &rules)
		eve, bob := n.join("eve"), n.join("bob")
		eve.hears()
		bob.hears()
		eve.Send(picture(callv1.MediaPacket_VIDEO, "key", 1_900_000))
		eve.Send(picture(callv1.MediaPacket_VIDEO, "delta", 200_000))
		eve.Send(picture(callv1.MediaPacket_VIDEO, "delta", 1000))
		if got := bob.counts(); got["eve video"] != 2 {
			t.Errorf("bob gets %v, want what two seconds allow", got)
		}
		mediatest.Advance(t, 2*time.Second)
		eve.hears()
		eve.Send(picture(callv1.MediaPacket_VIDEO, "delta", 1000))
		if got := bob.counts(); got["eve video"] != 0 {
			t.Errorf("bob gets %v, which nobody can decode", got)
		}
		if asked := about(eve.hears(), "keyframe"); len(asked) != 1 {
			t.Errorf("eve is asked %q", asked)
		}
		eve.Send(picture(callv1.MediaPacket_VIDEO, "key", 1000))
		eve.Send(picture(callv1.MediaPacket_VIDEO, "delta", 1000))
		if got := bob.counts(); got["eve video"] != 2 {
			t.Errorf("after the keyframe bob gets %v", got)
		}
	})
}

// Who sends far more than they may is read as fast as they need, and told all the while; when that is over
// they are people like others.
func TestFloodIsHeldToWhatPeopleNeed(t *testing.T) {
	inWorld(t, func(w *world) {
		const mega = 1_000_000
		rules := rooms.Rules{Session: rooms.Budget{Kbit: 64_000}, Busy: rooms.Budget{Kbit: 16_000}} // 8 and 2 MB a second
		n := w.ruled("a", &rules)
		eve, bob := n.join("eve"), n.join("bob")
		eve.hears()
		bob.hears()
		frame := picture(callv1.MediaPacket_VIDEO, "key", mega)
		for range 33 { // twice the budget for two seconds, at once, and who does that floods
			eve.Send(frame)
		}
		if d := n.drops(rooms.Flooding); d == 0 || d > 17 {
			t.Errorf("%d frames are dropped of those that may come at once", d)
		}
		bob.counts()
		eve.arrived()
		dropped, begin := n.drops(rooms.Flooding), time.Now()
		for range 50 {
			eve.Send(frame)
		}
		took := time.Since(begin).Seconds()
		if took < 16 || took > 25 {
			t.Errorf("50 MB were read in %.1f s, where 2.5 are read in one", took)
		}
		if got := float64(bob.counts()["eve video"]); got > 2*took+4 || got < 2*took-4 {
			t.Errorf("bob gets %v MB in %.1f s, want 2 in one", got, took)
		}
		if d := n.drops(rooms.Flooding) - dropped; d < 5 || d > 20 {
			t.Errorf("%d frames are dropped of those that are read", d)
		}
		if told := about(eve.arrived(), "refused"); len(told) == 0 || told[0] != "refused: too_much" {
			t.Errorf("eve is told %q", told)
		}
		mediatest.Advance(t, time.Minute)
		dropped = n.drops(rooms.Flooding)
		for range 8 { // half of what may be sent at once
			eve.Send(frame)
		}
		if got := bob.counts(); got["eve video"] != 8 || n.drops(rooms.Flooding) != dropped {
			t.Errorf("a minute after the flood bob gets %v of 8", got)
		}
	})
}

// One packet far beyond a small budget is not waited for until its sender counts as dead.
func TestNobodyIsReadTooSlowlyToLive(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Session: rooms.Budget{Kbit: 100}}
		n := w.ruled("a", &rules)
		eve, bob := n.join("eve"), n.join("bob")
		eve.hears()
		bob.hears()
		begin := time.Now()
		eve.Send(picture(callv1.MediaPacket_VIDEO, "key", 4_000_000)) // five minutes' worth
		mediatest.Advance(t, 2*time.Second)
		eve.Send(mediatest.Heartbeat())
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("eve is read again after %v", took)
		}
	})
}

// When a room is too loud, pictures go before sound, and the other room notices nothing.
func TestFloodOfOneRoomIsDropped(t *testing.T) {
	frame := picture(callv1.MediaPacket_VIDEO, "key", 100)
	for what, budget := range map[string]rooms.Budget{
		"packets": {Packets: 500, Kbit: 1_000_000},
		"bytes":   {Packets: 1_000_000, Kbit: 500 * len(frame) * 8 / 1000}, // of as many of them
	} {
		t.Run(what, func(t *testing.T) { floodRoom(t, budget, frame) })
	}
}

// floodRoom sends nine hundred times frame at once to a room that may take a thousand, a quarter of which is for sound.
func floodRoom(t *testing.T, budget rooms.Budget, frame []byte) {
	t.Helper()
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Room: budget}
		n := w.ruled("a", &rules)
		people := []*person{n.join("ada"), n.join("bob"), n.join("cyd"), n.join("dan")}
		far, away := n.join("eve", room("other")), n.join("fay", room("other"))
		for _, p := range people {
			p.hears()
		}
		away.hears()
		for range 300 {
			for _, p := range people[:3] {
				p.Peer.Send(frame)
			}
		}
		people[0].Send(picture(callv1.MediaPacket_AUDIO, "", 80))
		far.Send(frame)
		got := people[3].counts()
		if got["ada audio"] != 1 {
			t.Errorf("dan gets %v, and no sound", got)
		}
		if got := away.counts(); got["eve video"] != 1 {
			t.Errorf("the other room gets %v", got)
		}
		if d := n.drops(rooms.Crowded); d != 150 {
			t.Errorf("%d packets are counted as too much for the room, want those that leave no reserve for sound", d)
		}
		told := 0
		for _, p := range people[:3] {
			told += len(about(p.hears(), "refused: room_too_much"))
		}
		if told == 0 {
			t.Error("nobody is told")
		}
	})
}

// Operators change budgets while people talk, who need not know.
func TestBudgetsChangeDuringACall(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Session: rooms.Budget{Packets: 100}}
		n := w.ruled("a", &rules)
		eve, bob := n.join("eve"), n.join("bob")
		rules.Session.Packets = 1000
		n.hub.Refresh()
		eve.hears()
		bob.expect()
		mediatest.Advance(t, 2*time.Second)
		for range 1500 {
			eve.Peer.Send(picture(callv1.MediaPacket_AUDIO, "", 20))
		}
		synctest.Wait()
		if d := n.drops(rooms.Flooding); d != 0 {
			t.Errorf("%d packets were dropped within the new budget", d)
		}
	})
}

// Where nobody may send more than a busy node gives, it is no node that is blamed for what is dropped.
func TestBusyNodeIsNotToBlameForWhatIsTooMuchAnyway(t *testing.T) {
	const packets, kbit = 100, 1000
	for _, tc := range []struct {
		what  string
		busy  rooms.Budget
		size  int
		sent  int // not so many that eve is held up
		cause rooms.Cause
		pass  int
	}{
		{"a busy node gives as much", rooms.Budget{Packets: packets, Kbit: kbit}, 20, 300, rooms.Flooding, 2 * packets},
		{"it gives fewer bytes, and packets are too many", rooms.Budget{Packets: packets, Kbit: kbit / 2}, 20, 300, rooms.Flooding, 2 * packets},
		{"it gives fewer packets", rooms.Budget{Packets: packets / 2, Kbit: kbit}, 20, 150, rooms.Busy, packets},
		{"it gives fewer packets, and bytes are too many", rooms.Budget{Packets: packets - 1, Kbit: kbit}, 10_000, 40, rooms.Flooding, 25},
		{"it gives fewer bytes", rooms.Budget{Packets: packets, Kbit: kbit / 2}, 10_000, 20, rooms.Busy, 13},
	} {
		t.Run(tc.what, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.nodeOf(rooms.Options{
					Node: "a", Relay: w.bus.Node("a"), Busy: func() bool { return true },
					Rules: func(media.RoomID) rooms.Rules {
						return rooms.Rules{Session: rooms.Budget{Packets: packets, Kbit: kbit}, Busy: tc.busy}
					},
				})
				eve, bob := n.join("eve"), n.join("bob")
				mediatest.Advance(t, 2*time.Second)
				bob.counts()
				for range tc.sent {
					eve.Peer.Send(picture(callv1.MediaPacket_AUDIO, "", tc.size))
				}
				got, other := bob.counts()["eve audio"], rooms.Busy
				if tc.cause == rooms.Busy {
					other = rooms.Flooding
				}
				if got != tc.pass || n.drops(tc.cause) == 0 || n.drops(other) != 0 {
					t.Errorf("%d pass, want %d; %d are dropped as they should be, %d for another cause", got, tc.pass, n.drops(tc.cause), n.drops(other))
				}
			})
		})
	}
}

// A node that has more to do than it can holds everybody to what people need; who wants more keeps
// to that for a while, and nobody else notices.
func TestBusyNodeHoldsFloodsToWhatPeopleNeed(t *testing.T) {
	inWorld(t, func(w *world) {
		var busy atomic.Bool
		rules := rooms.Rules{Session: rooms.Budget{Packets: 1000}, Busy: rooms.Budget{Packets: 100}}
		n := w.nodeOf(rooms.Options{
			Node: "a", Relay: w.bus.Node("a"), Busy: busy.Load, Rules: func(media.RoomID) rooms.Rules { return rules },
		})
		ada, eve, bob := n.join("ada"), n.join("eve"), n.join("bob")
		flood := func() (sound, dropped int) {
			mediatest.Advance(t, 2*time.Second)
			bob.counts()
			was := n.drops(rooms.Busy)
			for range 300 {
				eve.Peer.Send(picture(callv1.MediaPacket_AUDIO, "", 20))
			}
			ada.Send(picture(callv1.MediaPacket_AUDIO, "", 80))
			got := bob.counts()
			if got["ada audio"] != 1 {
				t.Errorf("bob hears %v, and not ada", got)
			}
			return got["eve audio"], int(n.drops(rooms.Busy) - was)
		}
		if sound, dropped := flood(); sound != 300 || dropped != 0 {
			t.Errorf("a node that has time drops %d of %d", dropped, sound)
		}
		busy.Store(true)
		if sound, dropped := flood(); sound != 200 || dropped != 100 {
			t.Errorf("a busy node passes %d on and drops %d", sound, dropped)
		}
		busy.Store(false)
		if sound, dropped := flood(); sound != 200 || dropped != 100 {
			t.Errorf("a node that was busy passes %d on and drops %d", sound, dropped)
		}
		mediatest.Advance(t, time.Minute)
		if sound, dropped := flood(); sound != 300 || dropped != 0 {
			t.Errorf("after a minute %d pass and %d do not", sound, dropped)
		}
		if told := about(ada.hears(), "refused"); len(told) != 0 {
			t.Errorf("ada is told %q", told)
		}
	})
}
