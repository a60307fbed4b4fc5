package rooms_test

import (
	"context"
	"testing"
	"testing/synctest"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
)

// estranged is a relay that brings all but who is there, until it is told to.
type estranged struct {
	media.Relay
	sink   media.Sink
	away   bool
	missed []media.Member
}

func (e *estranged) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	e.sink = sink
	return e.Relay.Open(ctx, room, estrangedSink{sink, e})
}

// heal tells what was missed. Nothing else may happen meanwhile.
func (e *estranged) heal() {
	synctest.Wait()
	e.away = false
	for _, m := range e.missed {
		e.sink.Entered(m)
	}
	synctest.Wait()
}

type estrangedSink struct {
	media.Sink
	from *estranged
}

func (s estrangedSink) Entered(m media.Member) {
	if s.from.away {
		s.from.missed = append(s.from.missed, m)
		return
	}
	s.Sink.Entered(m)
}

// Whether it was known there that they came, or that they left, or neither.
func TestMutesHoldOnNodesThatAreOutOfReachOfPresence(t *testing.T) {
	for _, missing := range []string{"the coming", "the change"} {
		t.Run(missing, func(t *testing.T) {
			inWorld(t, func(w *world) {
				far := &estranged{Relay: w.bus.Node("a"), away: missing == "the coming"}
				a, b := w.nodeOn("a", far), w.node("b")
				ada := a.join("ada")
				bob := b.join("bob/1")
				ada.hears()
				far.away = true
				w.silence("bob", "", wire.Audio, a, b)
				bob.Vanish()
				synctest.Wait()

				again := a.connect("bob/2")
				again.greeted()
				again.Send(mediatest.Saying(wire.Audio))
				again.Send(mediatest.Audio("ignored"))
				again.expect("HOST_MUTE_PARTICIPANT")
				ada.expect("joined bob/2", "heartbeat from bob/2")
				again.Send(mediatest.Saying())
				again.Send(mediatest.Saying(wire.Audio))
				again.Send(mediatest.Audio("again"))
				ada.expect("heartbeat from bob/2", "heartbeat from bob/2", "audio again from bob/2")
			})
		})
	}
}

// A node that heard neither of the act nor of the event learns from presence.
func TestMutesAreLearntLate(t *testing.T) {
	inWorld(t, func(w *world) {
		far := &estranged{Relay: w.bus.Node("a")}
		a, b := w.nodeOn("a", far), w.node("b")
		ada, bob := a.join("ada"), b.join("bob/1")
		ada.hears()
		far.away = true
		w.silence("bob", "", wire.Audio, b)
		bob.Vanish()
		synctest.Wait()
		again := a.connect("bob/2")
		again.greeted()
		again.Send(mediatest.Audio("too early"))
		ada.expect("joined bob/2", "audio too early from bob/2")
		far.heal()
		again.expect("HOST_MUTE_PARTICIPANT")
		again.Send(mediatest.Audio("ignored"))
		again.Send(mediatest.VideoKey("face"))
		ada.expect("video face from bob/2")
	})
}

// Who had nothing to switch off owes nothing on any node, in whichever order those are told.
func TestWhoIsOffAlreadyIsSilencedNowhere(t *testing.T) {
	for _, first := range []string{"the node of the host", "the node of who is muted"} {
		t.Run(first, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.node("a"), w.node("b")
				ada, bob := a.join("ada"), b.join("bob/1")
				bob.Send(mediatest.Saying())
				nodes := []*node{a, b}
				if first == "the node of who is muted" {
					nodes = []*node{b, a}
				}
				act := muting("bob", "", wire.Audio)
				for _, n := range nodes {
					n.hub.Apply(act)
					synctest.Wait()
				}
				bob.Vanish()
				ada.hears()
				again := a.connect("bob/2")
				again.greeted()
				again.Send(mediatest.Audio("hello"))
				ada.expect("replaced bob/1 by bob/2", "audio hello from bob/2")
			})
		})
	}
}
