// Package relaytest holds implementations of media.Relay to their contract.
package relaytest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"parley/api/fault"
	"parley/api/media"
)

// Pair is two nodes that know each other.
type Pair struct {
	A, B         media.Relay
	NodeA, NodeB media.NodeID

	// Kill ends node B without a goodbye.
	Kill func()

	// Foreign publishes a packet as a node of another make does; nil when there are none.
	Foreign func(room media.RoomID, from media.SessionID, packet []byte)
}

// Run tests the relays that start makes. It is called for each part of the contract that
// leaves the nodes unusable, and once for all others.
func Run(t *testing.T, start func(t *testing.T) Pair) {
	t.Run("contract", func(t *testing.T) {
		p := start(t)
		for _, test := range []struct {
			name string
			run  func(*testing.T, Pair)
		}{
			{"packets of one sender stay in order", order},
			{"a node does not hear itself", echo},
			{"all kinds of packets pass", kinds},
			{"events are told everywhere in one order", sequence},
			{"events that somebody else said are not said again", condition},
			{"events of rooms that are not open here", elsewhere},
			{"who opens a room is told what was", past},
			{"what is forgotten is not told", forgetting},
			{"rooms do not mix", apart},
			{"flush covers what was published before", flush},
			{"those who are there are told at opening", present},
			{"coming, changing and going is told once", comings},
			{"of many who withdraw one member one succeeds", withdrawal},
			{"the owner learns that its member was withdrawn", takeover},
			{"a withdrawn member can come back", comeback},
			{"a closed link is silent and can be opened again", closing},
			{"a room is open once per node", twice},
			{"packets of other makes are marked", foreign},
			{"old packets are dropped", old},
			{"a burst does not block and events survive it", burst},
			{"a slow sink does not hold up its publisher", slow},
			{"what is wanted of a publisher crosses nodes", demand},
			{"a cancelled opening leaves nothing open", cancelled},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(t, p) })
		}
	})
	t.Run("members of a dead node leave", func(t *testing.T) { death(t, start(t)) })
}

// newRoom returns a name that no other test uses.
func newRoom() media.RoomID { return media.RoomID("test-" + rand.Text()) }

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func open(t *testing.T, r media.Relay, room media.RoomID) (media.Link, *Sink) {
	t.Helper()
	s := NewSink(t)
	l, err := r.Open(bounded(t), room, s)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { shut(l, s) })
	return l, s
}

func shut(l media.Link, s *Sink) {
	l.Close()
	s.closed.Store(true)
}

// openBoth opens a room of its own on both nodes.
func openBoth(t *testing.T, p Pair) (room media.RoomID, a, b media.Link, atA, atB *Sink) {
	t.Helper()
	room = newRoom()
	a, atA = open(t, p.A, room)
	b, atB = open(t, p.B, room)
	return room, a, b, atA, atB
}

// say appends an event to the log of the room of l.
func say(t *testing.T, l media.Link, text string) {
	t.Helper()
	e := media.NewEvent([]byte(text)) // takes effect once, however often it is tried
	insist(t, "append", func(ctx context.Context) error { return l.Append(ctx, e, nil) })
}

// insist tries again what a relay is too busy for.
func insist(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	for ctx := bounded(t); ; {
		switch err := try(ctx); {
		case err == nil:
			return
		case fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func closing(t *testing.T, p Pair) {
	room := newRoom()
	a, _ := open(t, p.A, room)
	sink := NewSink(t)
	b, err := p.B.Open(bounded(t), room, sink)
	if err != nil {
		t.Fatal(err)
	}
	a.Publish(video(1, "before"))
	sink.Want("1: before")
	shut(b, sink)
	b.Close() // again does no harm
	a.Publish(video(1, "meanwhile"))
	announce(t, a, member(1, "ann"))
	if err := a.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	_, again := open(t, p.B, room)
	a.Publish(video(1, "after"))
	again.Want(fmt.Sprintf("entered 1 ann@%s", p.NodeA), "1: after")
}

func twice(t *testing.T, p Pair) {
	room := newRoom()
	open(t, p.A, room)
	if _, err := p.A.Open(bounded(t), room, NewSink(t)); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("second opening: %v, want %s", err, fault.Conflict)
	}
}

func cancelled(t *testing.T, p Pair) {
	room := newRoom()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sink := NewSink(t)
	if l, err := p.A.Open(ctx, room, sink); err == nil {
		shut(l, sink) // fast enough: no harm done
	} else if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("cancelled opening: %v, want %s", err, fault.Unavailable)
	}
	open(t, p.A, room)
}
