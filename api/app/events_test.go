package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/api/media"
	"parley/api/media/mediatest"
)

func TestAllNodesTellTheSameEventsInOneOrder(t *testing.T) {
	c := newCluster(t)
	nodes := []*node{c.start(), c.start(), c.start()}
	room := newRoom()
	watching := []*guest{nodes[0].join(overWS, "ada", room), nodes[1].join(overWT, "bob", room)}
	var crowd sync.WaitGroup
	for i := range 12 {
		way := []way{overWS, overWT}[i%2]
		crowd.Go(func() {
			g := nodes[i%3].join(way, fmt.Sprintf("guest%d", i), room)
			if i%3 > 0 {
				_ = g.Close()
			}
		})
	}
	crowd.Wait()
	for i := range 12 {
		if i%3 == 0 {
			continue
		}
		for _, g := range watching {
			for !slices.ContainsFunc(g.events, func(e string) bool { return strings.HasSuffix(e, fmt.Sprintf(" left guest%d", i)) }) {
				g.next()
			}
		}
	}
	nodes[2].join(overWS, "last", room)
	for _, g := range watching {
		if g.until("joined last"); len(g.events) == 0 {
			t.Fatal("events without numbers")
		}
		for i, e := range g.events {
			_, what, _ := strings.Cut(e, " ")
			if who, left := strings.CutPrefix(what, "left "); left &&
				!slices.ContainsFunc(g.events[:i], func(e string) bool { return strings.HasSuffix(e, " joined "+who) }) {
				t.Errorf("%s is told that %s left before it came: %q", g.name, who, g.events)
			}
		}
	}
	// Each is told its own coming by the number alone, and Bob came later.
	told := map[string]string{}
	for _, e := range watching[0].events {
		number, what, _ := strings.Cut(e, " ")
		told[number] = what
	}
	same := 0
	for _, e := range watching[1].events {
		number, what, _ := strings.Cut(e, " ")
		if number == "0" {
			continue
		}
		if other, ok := told[number]; ok && other != what {
			t.Errorf("event %s is %q to ada and %q to bob", number, other, what)
		} else if ok {
			same++
		}
	}
	if same == 0 {
		t.Errorf("no events in common: %q, %q", watching[0].events, watching[1].events)
	}
}

func TestWhoLosesItsNodeIsToldElsewhereWhatItMissed(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada, bob := a.join(overWS, "ada", room), b.join(overWT, "bob/1", room)
	ada.until("joined bob/1")
	a.join(overWS, "eve", room)
	bob.until("joined eve")
	stopped := make(chan error, 1)
	go func() { stopped <- b.stop() }()
	<-bob.Done()
	cyd := a.join(overWS, "cyd", room)
	ada.until("joined cyd")
	_ = cyd.Close()
	ada.until("left cyd")

	again := a.enter(overWS, "bob/2", "/lobby/bob/"+room+"?events_after="+bob.at.String())
	again.at, again.order = bob.at, bob.order
	again.sync()
	missed := slices.DeleteFunc(again.events, func(e string) bool { return !strings.Contains(e, "cyd") || strings.HasPrefix(e, "0 ") })
	if len(missed) != 2 || !strings.HasSuffix(missed[0], " joined cyd") || !strings.HasSuffix(missed[1], " left cyd") {
		t.Errorf("bob missed %q", missed)
	}
	again.send(mediatest.Heartbeat())
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	// What never was is refused, not guessed.
	for _, bad := range []string{"nonsense", strings.Repeat("x", media.MaxPosition) + ".1"} {
		if _, err := a.dial(overWS, "/lobby/eve/"+room+"?events_after="+bad); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("events_after=%s: %v", bad, err)
		}
	}
}
