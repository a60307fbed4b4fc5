package rooms_test

import (
	"testing"
	"time"

	"parley/api/media/mediatest"
)

// told returns what p was last told that others want of it, or "".
func (p *person) told() string {
	p.w.t.Helper()
	hints := about(p.hears(), "wanted")
	if len(hints) == 0 {
		return ""
	}
	return hints[len(hints)-1]
}

func (p *person) wantTold(want string) {
	p.w.t.Helper()
	if got := p.told(); got != want {
		p.w.t.Errorf("%s is told %q, want %q", p.name, got, want)
	}
}

const soon, later = 100 * time.Millisecond, 2200 * time.Millisecond

func TestPublishersAreToldWhatIsWanted(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, eve := n.join("ada"), n.join("bob", instance("1")), n.join("eve", instance("2"))
		ada.frames(1, "key", 0, 1, 2)
		mediatest.Advance(t, later)
		ada.wantTold("") // everything, of which nobody need be told
		bob.Send(mediatest.Prefer(ada.id, 0))
		eve.Send(mediatest.Prefer(ada.id, 2))
		mediatest.Advance(t, soon)
		ada.wantTold("")
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video 02, screen all")
		bob.Send(mediatest.Prefer(ada.id, 1))
		mediatest.Advance(t, soon)
		ada.wantTold("wanted: video 012, screen all")
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video 12, screen all")

		bob.Send(mediatest.Prefer(ada.id, 2)) // and back before anybody noticed
		mediatest.Advance(t, time.Second)
		bob.Send(mediatest.Prefer(ada.id, 1))
		mediatest.Advance(t, later)
		ada.wantTold("")

		bob.Send(mediatest.Viewport(eve.id)) // who does not look needs nothing
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video 2, screen all")

		eve.Leave()
		mediatest.Advance(t, later+soon)
		ada.wantTold("wanted: video none, screen all")

		old := n.join("old")
		mediatest.Advance(t, soon)
		ada.wantTold("wanted: video 0, screen all, plain")
		old.Leave()
		mediatest.Advance(t, later+soon)
		ada.wantTold("wanted: video none, screen all")
	})
}

func TestWhoSendsOneLayerIsToldNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		bob.Send(mediatest.Prefer(ada.id, 0))
		ada.frames(1, "key", 0)
		mediatest.Advance(t, later)
		ada.wantTold("")
	})
}

func TestWhatIsWantedOnOtherNodesCounts(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.node("a"), w.node("b"), w.node("c")
		ada := a.join("ada")
		bob, eve := b.join("bob", instance("1")), c.join("eve", instance("2"))
		old := c.join("old")
		ada.frames(1, "key", 0, 1, 2)
		bob.Send(mediatest.Prefer(ada.id, 1))
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video all, screen all, plain") // eve wants all, old gets the lowest
		old.Leave()
		eve.Send(mediatest.Prefer(ada.id, 0))
		mediatest.Advance(t, 2*later)
		ada.wantTold("wanted: video 01, screen all")
		eve.Send(mediatest.Prefer(ada.id, 2))
		mediatest.Advance(t, soon)
		ada.wantTold("wanted: video 012, screen all")
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video 12, screen all")
		eve.hears()
		eve.Leave()
		mediatest.Advance(t, 2*later)
		ada.wantTold("wanted: video 1, screen all")
		for range 10 { // what they say is repeated, and stays true
			mediatest.Advance(t, 5*time.Second)
			ada.frames(1, "delta", 0, 1, 2)
		}
		ada.wantTold("")
		if got := about(bob.hears(), "wanted"); len(got) > 0 {
			t.Errorf("bob is told what ada is: %q", got)
		}
	})
}

// A node of which nobody hears what it wants gets everything.
func TestANodeThatSaysNothingWantsEverything(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob", instance("1"))
		ada.frames(1, "key", 0, 1)
		bob.Send(mediatest.Prefer(ada.id, 0))
		mediatest.Advance(t, later)
		ada.wantTold("wanted: video 0, screen all")
		c := w.node("c")
		c.join("eve", instance("2"))
		mediatest.Advance(t, soon)
		ada.wantTold("wanted: video all, screen all")
	})
}
