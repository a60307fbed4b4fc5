package relaytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/api/media"
)

func member(session media.SessionID, user string) media.Member {
	return media.Member{Session: session, User: user, Transport: media.WebSocket, Joined: time.Unix(int64(session), 0).UTC()}
}

func announce(t *testing.T, l media.Link, m media.Member) {
	t.Helper()
	insist(t, "announce", func(ctx context.Context) error { return l.Announce(ctx, m) })
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
	t.Logf("left after %v", time.Since(died).Round(time.Millisecond))
}
