package rooms_test

import (
	"slices"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
)

func TestNodesShareARoom(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada := a.join("ada")
		mediatest.Advance(t, time.Second)
		bob := b.connect("bob")
		if got := bob.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada"}) {
			t.Errorf("bob is told %q", got)
		}
		bob.Send(mediatest.Heartbeat())
		ada.expectUnordered("joined bob", "heartbeat from bob")
		ada.Send(mediatest.Audio("to b"))
		bob.expect("audio to b from ada")
		bob.Send(mediatest.Audio("to a"))
		ada.expect("audio to a from bob")
		bob.Leave()
		mediatest.Advance(t, rooms.DefaultGrace)
		ada.expect("left bob")
	})
}

func TestKeyframeRequestsCrossNodes(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob, eve := a.join("ada"), b.join("bob"), a.join("eve")
		ada.hears()
		eve.hears()
		bob.Send(mediatest.KeyframeRequest("ada", 0))
		ada.expect("keyframe for ada from bob")
		eve.expect()
		ada.Send(mediatest.VideoDelta("d1")) // the server asks for a receiver on the other node
		ada.expectUnordered("keyframe for ada from eve", "keyframe for ada from bob")
	})
}

func TestCongestionCrossesNodes(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, slow := a.join("ada"), b.join("slow")
		ada.hears()
		stall(b, slow, ada)
		big := make([]byte, 64<<10)
		for range 9 {
			ada.Send(mediatest.Audio(string(big)))
		}
		ada.expect("congestion at slow")
	})
}

func TestReconnectionToAnotherNodeIsSilent(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.node("a"), w.node("b"), w.node("c")
		ada, far := a.join("ada"), c.join("far")
		bob := a.join("bob/1", instance("x"))
		b.join("other") // node b knows the room before bob is lost
		ada.hears()
		far.hears()
		bob.Vanish()
		mediatest.Advance(t, time.Second)
		again := b.connect("bob/2", instance("x"))
		if got := again.greeted(); slices.Contains(got, "joined bob/1") {
			t.Errorf("bob is told of himself: %q", got)
		}
		mediatest.Advance(t, 5*time.Second)
		ada.expect()
		again.Send(mediatest.Heartbeat())
		ada.expectUnordered("replaced bob/1 by bob/2", "heartbeat from bob/2")
		far.expectUnordered("replaced bob/1 by bob/2", "heartbeat from bob/2")
		mediatest.Advance(t, 15*time.Second)
		ada.expect()
		far.expect()
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada", "far", "other", "bob"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestReconnectionToAnotherNodeThatFailsIsADeparture(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), a.join("bob/1")
		other := b.join("other")
		ada.hears()
		bob.Vanish()
		mediatest.Advance(t, time.Second)
		again := b.connect("bob/2")
		again.greeted()
		again.Vanish()
		mediatest.Advance(t, rooms.DefaultGrace)
		ada.expect("left bob/1")
		other.expect("left bob/1")
	})
}

func TestStaleSessionOnAnotherNodeIsEnded(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada := a.join("ada")
		stale := a.join("bob/1", instance("x"))
		ada.hears()
		b.join("bob/2", instance("x"))
		if code := stale.gone(); code != fault.Bye {
			t.Errorf("stale session ended with %q", code)
		}
		mediatest.Advance(t, 15*time.Second)
		ada.expectUnordered("replaced bob/1 by bob/2", "heartbeat from bob/2")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada", "bob"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestEventsOfTheSystemSubjectReachEverybodyOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.HostEnds = true
		a, b := w.node("a"), w.node("b")
		host, bob := a.join("ada"), b.join("bob")
		guest := b.connect("guest", observer)
		guest.greeted()
		host.Leave()
		mediatest.Advance(t, rooms.DefaultGrace)
		bob.expect("left ada", "ended: The host has ended the meeting")
		guest.expect("left ada", "ended: The host has ended the meeting")
	})
}

// A node that knows nothing of a meeting and hears nothing of its record in time learns from
// the other nodes that it is none of its own.
func TestMeetingsAreKnownWithoutTheirRecord(t *testing.T) {
	for name, events := range map[string]int{"from the log": 0, "from who is there": 300} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.node("a"), w.node("b")
				ada := a.join("ada")
				for range events {
					if err := a.hub.Tell(w.t.Context(), "standup", wire.WaitingRoomUpdated("standup")); err != nil {
						t.Fatal(err)
					}
				}
				mediatest.Advance(t, time.Minute)
				ada.hears()
				w.ledger.Silent = true
				bob, waiting := b.connect("bob"), b.connect("cyd", observer)
				for _, p := range []*person{bob, waiting} {
					if told := p.greeted(); told[0] != "started by ada" {
						t.Errorf("%s is told %q", p.name, told)
					}
				}
				bob.Send(mediatest.Heartbeat())
				ada.expectUnordered("heartbeat from bob", "joined bob")
			})
		})
	}
}

// Who leaves while they are recorded again has left on record.
func TestReenterRecordsNobodyWhoHasLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		bob := n.join("bob")
		w.ledger.Entering = func(media.Member) {
			bob.Leave()
			mediatest.Advance(t, 2*rooms.DefaultGrace)
		}
		n.hub.Reenter(w.t.Context())
		if open := w.ledger.Open("standup"); len(open) > 0 {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestReenterRecordsNobodyOnceTheNodeDrains(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		n.join("ada")
		drained := make(chan error, 1)
		go func() { drained <- n.hub.Drain(w.t.Context()) }()
		mediatest.Advance(t, rooms.DefaultGrace/2) // she may be back on another node
		w.ledger.Entering = func(m media.Member) { t.Errorf("%s is recorded again", m.User) }
		n.hub.Reenter(w.t.Context())
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestReenterRecordsLiveSessionsAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		n.join("ada")
		n.connect("watching", observer)
		n.hub.Reenter(w.t.Context())
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}
