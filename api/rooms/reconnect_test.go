package rooms_test

import (
	"slices"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

func TestLosingCandidateOfAnElectionCausesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ws, wt := n.connect("bob/ws"), n.connect("bob/wt")
		ws.greeted()
		wt.greeted()
		ws.Sync()
		wt.Send(mediatest.Heartbeat())
		ws.Leave()
		mediatest.Advance(t, 10*time.Second)
		ada.expect("joined bob/wt", "heartbeat from bob/wt")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada", "bob"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestDepartureIsToldAfterTheGracePeriod(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.Vanish()
		if code := bob.gone(); code != fault.Idle {
			t.Errorf("bob ended with %q", code)
		}
		mediatest.Advance(t, rooms.DefaultGrace-time.Millisecond)
		ada.expect()
		mediatest.Advance(t, time.Millisecond)
		ada.expect("left bob")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestReconnectionIsSilent(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		mediatest.Advance(t, time.Second)
		again := n.connect("bob/2")
		if got := again.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada"}) {
			t.Errorf("bob is told %q", got)
		}
		mediatest.Advance(t, 5*time.Second) // choosing a connection takes longer than the grace period
		ada.expect()
		again.Send(mediatest.Heartbeat())
		ada.expect("replaced bob/1 by bob/2", "heartbeat from bob/2")
		mediatest.Advance(t, 10*time.Second)
		ada.expect()
	})
}

func TestReconnectionThatFailsIsADeparture(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		again := n.connect("bob/2")
		again.greeted()
		again.Vanish()
		mediatest.Advance(t, rooms.DefaultGrace)
		ada.expect("left bob/1")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestUndecidedReconnectionDoesNotHoldALostSessionForEver(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		again := n.connect("bob/2")
		again.greeted()
		mediatest.Advance(t, 15*time.Second)
		ada.expect("left bob/1")
		again.Send(mediatest.Heartbeat())
		ada.expect("joined bob/2", "heartbeat from bob/2")
	})
}

func TestDevicesOfOneUserDoNotInterfere(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		phone := n.join("bob/phone", instance("phone"))
		laptop := n.join("bob/laptop", instance("laptop"))
		ada.hears()
		phone.Vanish()
		laptop.Vanish()
		mediatest.Advance(t, time.Second)
		n.join("bob/tablet", instance("tablet"))
		ada.expect("joined bob/tablet", "heartbeat from bob/tablet")
		back := n.join("bob/back", instance("phone"))
		ada.expect("replaced bob/phone by bob/back", "heartbeat from bob/back")
		mediatest.Advance(t, 5*time.Second)
		ada.expect("left bob/laptop")
		back.hears()
	})
}

func TestClientThatIsBackBeforeItsLossIsNoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		stale := n.join("bob/1", instance("x"))
		ada.hears()
		n.join("bob/2", instance("x"))
		ada.expect("replaced bob/1 by bob/2", "heartbeat from bob/2")
		if code := stale.gone(); code != fault.Bye {
			t.Errorf("stale session ended with %q", code)
		}
		mediatest.Advance(t, 10*time.Second)
		ada.expect()
	})
}
