package rooms_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

func TestEndOfAMeetingIsToldToEverybody(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.node("a"), w.node("b"), w.node("c")
		ada, bob := a.join("ada"), b.join("bob")
		ada.hears()
		if err := a.hub.EndMeeting(w.t.Context(), "standup", "over"); err != nil {
			t.Error(err)
		}
		ada.expect("ended: over")
		bob.expect("ended: over")
		// Somebody has to say it even where nobody is.
		if err := c.hub.EndMeeting(w.t.Context(), "standup", "really"); err != nil {
			t.Error(err)
		}
		ada.expect("ended: really")
		bob.expect("ended: really")
	})
}

func TestRemovedPeopleHearWhyAndNothingElse(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob")
		laptop := b.join("bob/laptop")
		trying := b.connect("bob/trying")
		waiting := b.connect("bob/waiting", observer)
		cyd := b.join("cyd")
		trying.greeted()
		waiting.greeted()
		removed := []*person{bob, laptop, trying, waiting}
		for _, p := range append(removed, ada, cyd) {
			p.hears()
		}
		farewell := wire.MeetingEnded("standup", "you were removed")
		act := media.Act{Room: "standup", User: "bob", Remove: fault.Removed, Message: "out", Farewell: farewell}
		a.hub.Apply(act)
		b.hub.Apply(act)
		ada.Send(mediatest.VideoKey("secret"))
		for _, p := range removed {
			for _, r := range p.Until(farewell) {
				t.Errorf("%s receives %s", p.name, mediatest.Describe(r.Wire, w.names))
			}
			if code := p.gone(); code != fault.Removed {
				t.Errorf("%s ended with %s", p.name, code)
			}
		}
		// Nobody waits for them to come back.
		cyd.expectUnordered("left bob", "left bob/laptop", "video secret from ada")
		ada.expectUnordered("left bob", "left bob/laptop")
	})
}

// Signing out ends what was opened with one sign-in, in every room, and nothing of another one.
func TestWhoSignsOutIsOutOfEveryRoom(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		phone := func(p *media.Peer) { p.SignIn = "phone" }
		desk := func(p *media.Peer) { p.SignIn = "desk" }
		ada, bob := a.join("ada", desk), b.join("bob", phone)
		elsewhere := b.connect("bob/elsewhere", phone, func(p *media.Peer) { p.Room = "retro" })
		waiting := b.connect("bob/waiting", phone, observer)
		bobs, cyd := b.join("bob/desk", desk), b.join("cyd") // by the open path
		for _, p := range []*person{elsewhere, waiting} {
			p.greeted()
		}
		for _, p := range []*person{ada, bob, bobs, cyd} {
			p.hears()
		}
		b.hub.SignOut([]string{"phone", "tablet"})
		for _, p := range []*person{bob, elsewhere, waiting} {
			if code := p.gone(); code != fault.SignedOut {
				t.Errorf("%s ended with %s", p.name, code)
			}
		}
		ada.Send(mediatest.VideoKey("hello"))
		cyd.expectUnordered("left bob", "video hello from ada") // nobody waits for him to come back
		bobs.expectUnordered("left bob", "video hello from ada")
		b.hub.SignOut(nil)
		b.hub.SignOut([]string{""})
		cyd.Send(mediatest.VideoKey("still here"))
		bobs.expect("video still here from cyd")
	})
}

// leaving is a record of meetings during which something happens.
type leaving struct {
	mediatest.Ledger
	meanwhile func()
}

func (l *leaving) Enter(ctx context.Context, m media.Member) (media.Meeting, error) {
	l.meanwhile()
	return l.Ledger.Enter(ctx, m)
}

// full is a connection that takes nothing without waiting.
type full struct{ media.Conn }

func (full) Offer(frames []*media.Frame) ([]*media.Frame, bool) { return frames, false }

func TestWhoSignsOutOnTheWayInIsOut(t *testing.T) {
	inWorld(t, func(w *world) {
		var hub *rooms.Hub
		hub = rooms.NewHub(rooms.Options{
			Node: "a", Relay: w.bus.Node("a"), Reporter: new(mediatest.Reporter), Log: slog.New(slog.DiscardHandler),
			Ledger: &leaving{meanwhile: func() { hub.SignOut([]string{"phone"}) }},
		})
		conn, _ := mediatest.Pipe(w.t, media.WebSocket)
		err := hub.Serve(w.t.Context(), full{conn}, &media.Peer{Room: "standup", User: "bob", SignIn: "phone"})
		if code := fault.CodeOf(err); code != fault.SignedOut {
			w.t.Errorf("ended with %s", code)
		}
		if err := hub.Drain(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	})
}

func TestRenamedPeopleAreKnownToNewcomersByTheirNewName(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		a.join("ada")
		b.join("bob")
		host := true
		act := media.Act{Room: "standup", User: "bob", Name: "Robert", Host: &host}
		a.hub.Apply(act)
		b.hub.Apply(act)
		synctest.Wait()
		cyd := a.connect("cyd")
		cyd.Receive()
		for _, r := range cyd.Sync() {
			var packet callv1.PacketWrapper
			var event callv1.MeetingPacket
			if proto.Unmarshal(r.Wire, &packet) != nil || proto.Unmarshal(packet.Data, &event) != nil {
				t.Fatalf("%x", r.Wire)
			}
			if string(event.TargetUserId) == "bob" && string(event.DisplayName) != "Robert" {
				t.Errorf("bob is called %s", event.DisplayName)
			}
		}
	})
}
