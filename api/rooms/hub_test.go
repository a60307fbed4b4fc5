package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewcomerIsToldWhoIsThere(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.connect("ada")
		if got := ada.greeted(); !slices.Equal(got, []string{"started by ada"}) {
			t.Errorf("ada is told %q", got)
		}
		ada.Send(mediatest.Heartbeat())
		mediatest.Advance(t, time.Second)
		bob := n.join("bob")
		ada.expect("joined bob", "heartbeat from bob")
		eve := n.connect("eve")
		if got := eve.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada", "joined bob"}) {
			t.Errorf("eve is told %q", got)
		}
		bob.expect()
	})
}

func TestSessionsOfOneUserHaveDistinctNumbers(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		one, two := n.join("ada/1"), n.join("ada/2")
		if one.id == two.id || one.id == 0 || two.id == 0 {
			t.Errorf("sessions %d and %d", one.id, two.id)
		}
	})
}

func TestTestingSessionsAreInvisible(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		bob.Sync() // probes do not activate
		mediatest.Advance(t, 1500*time.Millisecond)
		ada.expect()
		ada.Send(mediatest.Audio("hi"))
		bob.expect("audio hi from ada") // but it hears the room
		bob.Leave()
		mediatest.Advance(t, 4*time.Second)
		ada.expect()
	})
}

func TestActivatingPacketIsForwarded(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		bob.Send(mediatest.Audio("first"))
		bob.Send(mediatest.Audio("second"))
		ada.expect("joined bob", "audio first from bob", "audio second from bob")
	})
}

func TestObserverHearsEventsAndNeverMedia(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		guest := n.connect("guest", observer)
		if got := guest.greeted(); !slices.Equal(got, []string{"started by ada"}) {
			t.Errorf("observer is told %q", got)
		}
		ada.Send(mediatest.Audio("secret"))
		ada.Send(mediatest.VideoKey("secret"))
		ada.Send(mediatest.Wrap(callv1.PacketWrapper_DIAGNOSTICS, []byte("secret")))
		bob := n.join("bob")
		ada.expect("joined bob", "heartbeat from bob")
		guest.Send(mediatest.Audio("smuggled"))
		guest.Send(mediatest.KeyframeRequest("ada", 0))
		guest.expect("joined bob")
		guest.Leave()
		bob.Leave()
		mediatest.Advance(t, 5*time.Second)
		ada.expect("left bob")
	})
}

func TestReservedIdentityIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		mallory := n.connect("mallory", func(p *media.Peer) { p.User = wire.SystemUser })
		if got := mediatest.Describe(mallory.Receive().Wire, nil); got != "ended: Session rejected: Cannot use reserved system user ID" {
			t.Errorf("mallory is told %q", got)
		}
		if code := mallory.ClosedWith(); code != fault.Reserved {
			t.Errorf("closed with %q", code)
		}
		ada.expect()
	})
}

func TestMeetingStartIsToldToOthersOnlyByTheFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.Off = true // then everybody is first on record
		n := w.node("a")
		watching := n.connect("watching", observer)
		watching.greeted()
		ada := n.join("ada")
		watching.expect("started by ada", "joined ada")
		n.connect("bob").greeted()
		ada.expect()
		watching.expect()
	})
}

func TestDrainThatIsCutShortStillTellsOfDepartures(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, _ := a.join("ada"), b.join("bob")
		ada.hears()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) // shorter than the grace period
		defer cancel()
		if err := b.hub.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain: %v", err)
		}
		ada.expect("left bob")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestRoomsAreIsolated(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob", room("elsewhere"))
		bob.Send(mediatest.Audio("elsewhere"))
		ada.expect()
		ada.Send(mediatest.Audio("here"))
		bob.expect()
		ada.expect() // no echo of its own
	})
}

func TestLedgerMayRefuse(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.Refuse = fault.New(fault.Forbidden, "not today")
		n := w.node("a")
		for _, who := range []*person{n.connect("ada"), n.connect("bob", observer)} {
			if code := who.ClosedWith(); code != fault.Forbidden {
				t.Errorf("closed with %q", code)
			}
		}
	})
}

func TestMeetingThatEndsWithItsHostTellsTheOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.HostEnds = true
		n := w.node("a")
		host, bob := n.join("ada"), n.join("bob")
		host.Leave()
		mediatest.Advance(t, rooms.DefaultGrace)
		bob.expect("left ada", "ended: The host has ended the meeting")
	})
}

func TestServerEndsASessionWithoutGrace(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.end(fault.New(fault.Forbidden, "removed"))
		if code := bob.ClosedWith(); code != fault.Forbidden {
			t.Errorf("closed with %q", code)
		}
		ada.expect("left bob")
	})
}

func TestDrainRefusesAndEndsSessions(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		done := make(chan error, 1)
		w.wg.Go(func() { done <- n.hub.Drain(w.t.Context()) })
		if code := ada.ClosedWith(); code != fault.GoingAway {
			t.Errorf("closed with %q", code)
		}
		late := n.connect("late")
		if code := late.ClosedWith(); code != fault.GoingAway {
			t.Errorf("latecomer closed with %q", code)
		}
		if err := <-done; err != nil {
			t.Errorf("drain: %v", err)
		}
		if open := w.ledger.Open("standup"); len(open) != 0 {
			t.Errorf("ledger still has %v", open)
		}
	})
}

func TestTrafficIsReported(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Leave()
		if err := <-ada.ended; err != nil {
			t.Errorf("polite end: %v", err)
		}
		events := n.reporter.Events
		if len(events) != 2 || events[0].User != "ada" || events[1].BytesReceived == 0 || events[1].BytesSent == 0 {
			t.Errorf("reported %+v", events)
		}
	})
}

// Tens of thousands of rooms may have nothing to do but wait for packets: they have no goroutine for
// what happens once in a while.
func TestIdleRoomsHaveNoGoroutine(t *testing.T) {
	inWorld(t, func(w *world) {
		const people = 20
		n := w.node("n")
		enter := func(room func(i int) string) (goroutines int) {
			before := runtime.NumGoroutine()
			for i := range people {
				n.connect(fmt.Sprint("user", i), func(p *media.Peer) { p.Room = media.RoomID(room(i)) })
			}
			return runtime.NumGoroutine() - before
		}
		enter(func(int) string { return "one" }) // what there is but once
		one := enter(func(int) string { return "one" })
		// The relay of tests has one for each, and a few may be about to end.
		if each := enter(func(i int) string { return fmt.Sprint("room", i) }) - people; each > one+people/2 {
			t.Errorf("%d people in as many rooms need %d goroutines, in one %d", people, each, one)
		}
	})
}
