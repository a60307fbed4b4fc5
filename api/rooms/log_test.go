package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
)

func after(at media.Position) func(*media.Peer) { return func(p *media.Peer) { p.After = at } }

func TestWhoComesBackIsToldWhatItMissed(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), a.join("bob/1", instance("x"))
		bob.hears()
		bob.Vanish()
		synctest.Wait()
		cyd := b.join("cyd")
		mute := wire.HostMute("standup", "", "ada")
		if err := a.hub.Tell(w.t.Context(), "standup", mute); err != nil {
			t.Fatal(err)
		}
		if err := b.hub.EndMeeting(w.t.Context(), "standup", "over"); err != nil {
			t.Fatal(err)
		}
		cyd.Leave()
		mediatest.Advance(t, rooms.DefaultGrace/2)

		again := b.connect("bob/2", instance("x"), after(bob.at))
		again.at = bob.at // so that a gap would be noticed
		// Not what would send it away again.
		want := []string{"started by ada", "joined cyd", "HOST_MUTE_PARTICIPANT", "joined ada", "joined cyd"}
		if got := again.greeted(); !slices.Equal(got, want) {
			t.Errorf("who comes back is told %q, want %q", got, want)
		}
		again.Send(mediatest.Heartbeat())
		mediatest.Advance(t, rooms.DefaultGrace)
		again.expect("left cyd")
		ada.hears()

		// A client that comes from elsewhere, or from before the log, begins anew.
		for _, at := range []media.Position{{Epoch: "other", Number: 1}, {Epoch: again.at.Epoch, Number: again.at.Number + 1}} {
			stranger := b.connect("eve", after(at))
			if got := stranger.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada", "joined bob/2"}) {
				t.Errorf("after %v is told %q", at, got)
			}
		}
	})
}

// unreliable is a relay whose log can be out of reach.
type unreliable struct {
	media.Relay
	down, hangs atomic.Bool
}

type unreliableLink struct {
	media.Link
	relay *unreliable
}

func (u *unreliable) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	l, err := u.Relay.Open(ctx, room, sink)
	if err != nil {
		return nil, err
	}
	return unreliableLink{l, u}, nil
}

func (l unreliableLink) Append(ctx context.Context, e media.Event, wanted func() bool) error {
	if l.relay.down.Load() {
		return errors.New("the log is out of reach")
	}
	if l.relay.hangs.Load() {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return l.Link.Append(ctx, e, wanted)
}

func TestLogOutOfReachDelaysNothingAndLosesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		log := &unreliable{Relay: w.bus.Node("a")}
		a, b := w.nodeOn("a", log), w.node("b")
		ada, far := a.join("ada"), b.join("far")
		ada.hears()
		far.hears()
		log.down.Store(true)
		bob := a.join("bob")
		ada.expect("joined bob", "heartbeat from bob")
		a.join("brief").Leave()
		ada.expect("joined brief", "heartbeat from brief")
		if err := a.hub.Tell(w.t.Context(), "standup", wire.SettingsUpdated("standup")); err != nil {
			t.Fatal(err)
		}
		ada.expect("MEETING_SETTINGS_UPDATED")
		late := a.connect("late")
		if got := late.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada", "joined far", "joined bob", "joined brief"}) {
			t.Errorf("who comes meanwhile is told %q", got)
		}
		log.down.Store(false)
		mediatest.Advance(t, 5*time.Second)
		// The other node says who came, if this one does not; nobody hears anything twice.
		ada.expect("left brief")
		late.expect("left brief")
		bob.expect("joined brief", "heartbeat from brief", "MEETING_SETTINGS_UPDATED", "left brief")
		got := far.hears()
		for _, once := range []string{"joined bob", "MEETING_SETTINGS_UPDATED"} {
			if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != once })); n != 1 {
				t.Errorf("the other node is told %d times %s: %q", n, once, got)
			}
		}
		if i, j := slices.Index(got, "joined brief"), slices.Index(got, "left brief"); i > j {
			t.Errorf("left before joined: %q", got)
		}
		new := a.join("new")
		far.expect("joined new", "heartbeat from new")
		new.Leave()
	})
}

func TestLogThatDoesNotAnswerDelaysNewsALittle(t *testing.T) {
	inWorld(t, func(w *world) {
		log := &unreliable{Relay: w.bus.Node("a")}
		a, b := w.nodeOn("a", log), w.node("b")
		ada, far := a.join("ada"), b.join("far")
		ada.hears()
		far.hears()
		log.hangs.Store(true)
		people := []*person{a.connect("bob"), a.connect("cyd"), a.connect("eve")}
		for _, p := range people {
			p.greeted()
			p.Peer.Send(mediatest.Heartbeat())
		}
		mediatest.Advance(t, time.Second)
		ada.expectUnordered("joined bob", "joined cyd", "joined eve", "heartbeat from bob", "heartbeat from cyd", "heartbeat from eve")
		mediatest.Advance(t, time.Minute)
		log.hangs.Store(false)
		mediatest.Advance(t, 10*time.Second)
		ada.expect() // but the numbers, which hears checks
		told := far.hears()
		for _, joined := range []string{"joined bob", "joined cyd", "joined eve"} {
			if n := len(slices.DeleteFunc(slices.Clone(told), func(s string) bool { return s != joined })); n != 1 {
				t.Errorf("the other node is told %d times %s: %q", n, joined, told)
			}
		}
	})
}

func TestSurvivorsSayWhoLeftWithANodeAndItSaysThatItLives(t *testing.T) {
	inWorld(t, func(w *world) {
		dying := w.bus.Node("dying")
		d, b, c := w.nodeOn("dying", dying), w.node("b"), w.node("c")
		ada := d.join("ada")
		bob, cyd := b.join("bob"), c.join("cyd")
		bob.hears()
		ada.hears()
		dying.Close()
		bob.expect("left ada")
		cyd.expect("left ada")
		mediatest.Advance(t, time.Minute)
		bob.expect("joined ada")
		cyd.expect("joined ada")
		ada.expect()
	})
}

// tardy is a relay that is out of reach, and then busy: an event comes while a room is opened.
type tardy struct {
	media.Relay
	down atomic.Bool
}

func (y *tardy) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	if y.down.Load() {
		return nil, errors.New("out of reach")
	}
	l, err := y.Relay.Open(ctx, room, sink)
	if err != nil {
		return nil, err
	}
	return l, l.Append(ctx, media.NewEvent(wire.WaitingRoomUpdated(string(room))), nil)
}

// An event may overtake what is sent before it, but not what is sent after it.
func TestWhoCameBeforeTheRelayIsToldWhatComesNextFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		relay := &tardy{Relay: w.bus.Node("a")}
		relay.down.Store(true)
		a, b := w.nodeOn("a", relay), w.node("b")
		b.join("ada")
		bob := a.connect("bob")
		bob.greeted()
		relay.down.Store(false)
		mediatest.Advance(t, time.Second)
		var told []string
		for _, p := range bob.Sync() {
			if at, caughtUp := mediatest.PositionOf(p.Wire); at.Number > 0 {
				told = append(told, fmt.Sprint(at.Number, " ", caughtUp))
			}
		}
		if want := []string{"2 true", "3 false"}; !slices.Equal(told, want) {
			t.Errorf("bob is told %q, want %q", told, want)
		}
	})
}
