// Package relaytest holds implementations of media.Relay to their contract.
package relaytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
			{"rooms do not mix", rooms},
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

func video(from media.SessionID, text string) *media.Frame {
	return &media.Frame{From: from, Kind: media.Video, Received: time.Now(), Wire: []byte(text)}
}

// control returns a frame that no relay drops.
func control(text string) *media.Frame {
	return &media.Frame{From: 9, Kind: media.Control, Received: time.Now(), Wire: []byte(text)}
}

// say appends an event to the log of the room of l.
func say(t *testing.T, l media.Link, text string) {
	t.Helper()
	if err := l.Append(bounded(t), media.NewEvent([]byte(text)), nil); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func member(session media.SessionID, user string) media.Member {
	return media.Member{Session: session, User: user, Transport: media.WebSocket, Joined: time.Unix(int64(session), 0).UTC()}
}

func announce(t *testing.T, l media.Link, m media.Member) {
	t.Helper()
	if err := l.Announce(bounded(t), m); err != nil {
		t.Fatalf("announce: %v", err)
	}
}

func withdraw(t *testing.T, l media.Link, m media.Member, want bool) {
	t.Helper()
	got, err := l.Withdraw(bounded(t), m)
	if err != nil {
		t.Fatalf("withdraw: %v", err)
	}
	if got != want {
		t.Fatalf("withdraw says %v, want %v", got, want)
	}
}

func order(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	const senders, packets = 4, 500
	var wg sync.WaitGroup
	for from := range media.SessionID(senders) {
		wg.Go(func() {
			for i := range packets {
				a.Publish(video(from+1, fmt.Sprint(i)))
			}
		})
	}
	wg.Wait()
	var next [senders + 1]int
	for range senders * packets {
		var from, i int
		call := b.Next()
		if _, err := fmt.Sscanf(call, "%d: %d", &from, &i); err != nil {
			t.Fatalf("unexpected %q", call)
		}
		if i != next[from] {
			t.Fatalf("packet %d of session %d came when %d was due", i, from, next[from])
		}
		next[from]++
	}
}

func echo(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	a.Publish(video(1, "mine"))
	a.Publish(control("me again"))
	atB.Want("1: mine", "9: me again")
	b.Publish(video(2, "answer")) // A would have heard itself before
	atA.Want("2: answer")
}

func kinds(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	a.Publish(control("for one"))
	a.Publish(&media.Frame{From: 7, Kind: media.Data, Wire: []byte("without a time")})
	b.Want("9: for one", "7: without a time")
}

func rooms(t *testing.T, p Pair) {
	_, first, _, _, b := openBoth(t, p)
	_, second, _, _, _ := openBoth(t, p)
	second.Publish(video(1, "elsewhere"))
	first.Publish(video(1, "here"))
	b.Want("1: here")
	longest := newRoom()
	longest += media.RoomID(strings.Repeat("x", 255-len(longest)))
	open(t, p.A, longest)
}

func flush(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	for i := range 100 {
		a.Publish(video(1, fmt.Sprint(i)))
	}
	if err := a.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	a.Publish(control("end"))
	if n := len(b.Until("9: end")); n != 100 {
		t.Errorf("%d packets before the end, want 100", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Flush(ended); err != nil && fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("flush without time: %v", err)
	}
}

func present(t *testing.T, p Pair) {
	room := newRoom()
	a, _ := open(t, p.A, room)
	announce(t, a, member(1, "ann"))
	away := member(2, "al")
	away.Away = true
	announce(t, a, away)

	s := NewSink(t)
	b, err := p.B.Open(bounded(t), room, s)
	if err != nil {
		t.Fatal(err)
	}
	defer shut(b, s)
	if n := len(s.calls); n != 2 {
		t.Fatalf("%d members told before opening ended, want 2", n)
	}
	got := map[string]bool{s.Next(): true, s.Next(): true}
	for _, want := range []string{
		fmt.Sprintf("entered 1 ann@%s", p.NodeA),
		fmt.Sprintf("entered 2 al@%s away", p.NodeA),
	} {
		if !got[want] {
			t.Errorf("not told: %s; told %v", want, got)
		}
	}
}

func comings(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	ann := member(1, "ann")
	// Each step waits for the news: a relay may leave out what is overtaken.
	announce(t, a, ann)
	atB.Want(fmt.Sprintf("entered 1 ann@%s", p.NodeA))
	announce(t, a, ann) // says nothing new
	ann.Away = true
	announce(t, a, ann)
	atB.Want(fmt.Sprintf("entered 1 ann@%s away", p.NodeA))
	withdraw(t, a, ann, true)
	atB.Want(fmt.Sprintf("left 1 ann@%s away", p.NodeA))
	withdraw(t, a, ann, false)
	announce(t, a, member(2, "al"))
	atB.Want(fmt.Sprintf("entered 2 al@%s", p.NodeA))
	announce(t, b, member(3, "bob"))
	atA.Want(fmt.Sprintf("entered 3 bob@%s", p.NodeB)) // and nothing of its own members
}

func withdrawal(t *testing.T, p Pair) {
	_, a, b, _, atB := openBoth(t, p)
	m := member(1, "ann")
	m.Node = p.NodeA
	for range 5 {
		announce(t, a, m)
		atB.Want(fmt.Sprintf("entered 1 ann@%s", p.NodeA))
		var won atomic.Int32
		var wg sync.WaitGroup
		for _, l := range []media.Link{a, b, a, b} {
			wg.Go(func() {
				ok, err := l.Withdraw(bounded(t), m)
				if err != nil {
					t.Errorf("withdraw: %v", err)
				}
				if ok {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 4 were told that they withdrew the member", won.Load())
		}
		atB.Want(fmt.Sprintf("left 1 ann@%s", p.NodeA))
	}
}

func takeover(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	ann := member(1, "ann")
	ann.Node = p.NodeA
	announce(t, a, ann)
	atB.Want(fmt.Sprintf("entered 1 ann@%s", p.NodeA))
	ann.Away = true
	announce(t, a, ann)
	atB.Want(fmt.Sprintf("entered 1 ann@%s away", p.NodeA))
	announce(t, b, member(2, "ann"))
	withdraw(t, b, ann, true)
	atA.Want(fmt.Sprintf("entered 2 ann@%s", p.NodeB), fmt.Sprintf("left 1 ann@%s away", p.NodeA))
	atB.Want(fmt.Sprintf("left 1 ann@%s away", p.NodeA))
	withdraw(t, a, ann, false)
}

func comeback(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	ann := member(1, "ann")
	ann.Node = p.NodeA
	in, out := fmt.Sprintf("entered 1 ann@%s", p.NodeA), fmt.Sprintf("left 1 ann@%s", p.NodeA)
	announce(t, a, ann)
	atB.Want(in)
	withdraw(t, b, ann, true)
	atA.Want(out)
	atB.Want(out)
	announce(t, a, ann)
	atB.Want(in)
	withdraw(t, a, ann, true)
	atB.Want(out)
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

func foreign(t *testing.T, p Pair) {
	if p.Foreign == nil {
		t.Skip("no other makes take part")
	}
	room, a, _, _, b := openBoth(t, p)
	p.Foreign(room, 5, []byte("hello"))
	b.Want("5: hello (foreign)")
	p.Foreign(room, 0, []byte("event"))
	b.Want("0: event (foreign)")
	a.Publish(video(1, "ours"))
	b.Want("1: ours")
}

func old(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	stale := video(1, "stale")
	stale.Received = time.Now().Add(-time.Hour)
	a.Publish(stale)
	a.Publish(video(1, "fresh"))
	b.Want("1: fresh")
}

func burst(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	packet := bytes.Repeat([]byte("v"), 64<<10)
	for range 400 {
		a.Publish(&media.Frame{From: 1, Kind: media.Video, Received: time.Now(), Wire: packet})
	}
	a.Publish(control("still here"))
	if n := len(b.Until("9: still here")); n == 0 {
		t.Error("nothing of the burst came")
	}
}

func slow(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	release := b.Hold()
	for i := range 1000 {
		a.Publish(video(1, fmt.Sprint(i)))
	}
	err := a.Flush(bounded(t))
	release()
	if err != nil {
		t.Fatal(err)
	}
	a.Publish(control("end"))
	b.Until("9: end")
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

func death(t *testing.T, p Pair) {
	room := newRoom()
	_, atA := open(t, p.A, room)
	b, _ := open(t, p.B, room)
	announce(t, b, member(1, "bob"))
	announce(t, b, member(2, "ben"))
	in := func(id int, user string) string { return fmt.Sprintf("entered %d %s@%s", id, user, p.NodeB) }
	atA.Want(in(1, "bob"), in(2, "ben"))
	died := time.Now()
	p.Kill()
	left := map[string]bool{atA.Next(): true, atA.Next(): true}
	for _, want := range []string{fmt.Sprintf("left 1 bob@%s", p.NodeB), fmt.Sprintf("left 2 ben@%s", p.NodeB)} {
		if !left[want] {
			t.Errorf("not told: %s; told %v", want, left)
		}
	}
	if d := time.Since(died); d > 8*time.Second {
		t.Errorf("members of the dead node left after %v, want 8 s at most", d)
	} else {
		t.Logf("left after %v", d.Round(time.Millisecond))
	}
}
