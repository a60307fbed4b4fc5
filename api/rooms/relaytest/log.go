package relaytest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"parley/api/media"
)

func sequence(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	const writers, events = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		l := []media.Link{a, b}[w%2]
		wg.Go(func() {
			for i := range events {
				e := media.NewEvent(fmt.Appendf(nil, "%d/%d", w, i))
				if err := l.Append(bounded(t), e, nil); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var next [writers]int
	for n := range writers * events {
		call := atA.Next()
		if other := atB.Next(); other != call {
			t.Fatalf("A is told %q and B %q", call, other)
		}
		var number, w, i int
		if _, err := fmt.Sscanf(call, "event %d %d/%d", &number, &w, &i); err != nil || number != n+1 {
			t.Fatalf("told %q, want number %d", call, n+1)
		}
		if i != next[w] {
			t.Fatalf("event %d of writer %d when %d was due", i, w, next[w])
		}
		next[w]++
	}
}

func condition(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	// Each wants to be the only one: it looks whether anything was told before.
	var told [2]struct {
		sync.Mutex
		n int
	}
	for i, s := range []*Sink{atA, atB} {
		s.OnTold(func() {
			told[i].Lock()
			defer told[i].Unlock()
			told[i].n++
		})
	}
	var wg sync.WaitGroup
	for i, l := range []media.Link{a, b, a, b} {
		wg.Go(func() {
			err := l.Append(bounded(t), media.NewEvent([]byte("once")), func() bool {
				told[i%2].Lock()
				defer told[i%2].Unlock()
				return told[i%2].n == 0
			})
			if err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	twice := media.NewEvent([]byte("of one name"))
	for _, l := range []media.Link{a, a} {
		if err := l.Append(bounded(t), twice, nil); err != nil {
			t.Errorf("append: %v", err)
		}
	}
	say(t, b, "end")
	for _, s := range []*Sink{atA, atB} {
		s.Want("event 1 once", "event 2 of one name", "event 3 end")
	}
}

func elsewhere(t *testing.T, p Pair) {
	room := newRoom()
	_, atB := open(t, p.B, room)
	for i := range 3 {
		if err := p.A.Append(bounded(t), room, media.NewEvent(fmt.Appendf(nil, "far %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	atB.Want("event 1 far 0", "event 2 far 1", "event 3 far 2")
}

func past(t *testing.T, p Pair) {
	room := newRoom()
	a, atA := open(t, p.A, room)
	for i := range 3 {
		say(t, a, fmt.Sprint(i))
	}
	_, atB := open(t, p.B, room)
	if n := len(atB.calls); n != 3 {
		t.Fatalf("%d events told before opening ended, want 3", n)
	}
	atB.Want("event 1 0 (past)", "event 2 1 (past)", "event 3 2 (past)")
	say(t, a, "now")
	atB.Want("event 4 now")
	atA.Want("event 1 0", "event 2 1", "event 3 2", "event 4 now")

	long := strings.Repeat("x", 1000)
	for range 10 {
		say(t, a, long)
	}
	shut(a, atA)
	_, again := open(t, p.A, room)
	if calls := again.Until(fmt.Sprintf("event 14 %s (past)", long)); len(calls) == 0 {
		t.Error("told nothing of before")
	}
}

func forgetting(t *testing.T, p Pair) {
	room := newRoom()
	a, atA := open(t, p.A, room)
	if err := a.Forget(bounded(t)); err != nil { // nothing
		t.Fatal(err)
	}
	for i := range 3 {
		say(t, a, fmt.Sprint(i))
	}
	if err := a.Forget(bounded(t)); err != nil {
		t.Fatal(err)
	}
	b, atB := open(t, p.B, room)
	say(t, b, "on it goes")
	atB.Want("event 3 2 (past)", "event 4 on it goes")
	atA.Want("event 1 0", "event 2 1", "event 3 2", "event 4 on it goes")
}
