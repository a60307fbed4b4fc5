package live_test

import (
	"fmt"
	"sync"
	"testing"

	"parley/api/telemetry"
	"parley/api/telemetry/live"
)

// What several subscribers of a node want is asked for once.
func TestEqualFiltersAreOneForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(), w.start()
	w.meet(a, b)
	var all []*live.Subscription
	for range 5 {
		all = append(all, a.look(telemetry.Filter{Source: "x"}, nil))
	}
	other := a.look(telemetry.Filter{Source: "x", Kinds: []uint16{kindWanted}}, nil)
	feed := b.begin("x")
	sent := &b.Counters().To.Events
	next, alike := uint64(0), 0
	for alike < 10 { // who begins may have asked from other places
		before := sent.Load()
		run(feed, kindPlain, int(next), 1)
		for _, s := range all {
			if got := w.next(s).Events; len(got) != 1 || got[0].Row.Seq != next {
				t.Fatalf("event %d: %+v", next, got)
			}
		}
		next++
		switch n := sent.Load() - before; {
		case n == 1:
			alike++
		case alike > 0:
			t.Fatalf("event %d was sent %d times", next, n)
		}
	}

	// Each goes on from its own place: who is late, or leaves, holds nobody up.
	all[0].Close()
	late, rest := all[1], all[2:]
	for range 10 {
		run(feed, kindPlain, int(next), 1)
		for _, s := range rest {
			if got := w.next(s).Events; len(got) != 1 || got[0].Row.Seq != next {
				t.Fatalf("event %d: %+v", next, got)
			}
		}
		next++
	}
	books := w.books()
	books.next[feed.ID()] = next - 10
	books.read(late, map[telemetry.Feed]uint64{feed: next})
	run(feed, kindWanted, int(next), 1)
	if got := w.next(other).Events; len(got) != 1 || got[0].Row.Seq != next {
		t.Errorf("%+v by another filter", got)
	}
	if got := a.Counters().From.Events.Load(); got < next {
		t.Errorf("%d events came of %d", got, next)
	}
	if here, _ := a.Subscribers(); here != 5 {
		t.Errorf("%d subscribers", here)
	}
}

// BenchmarkForwarding measures events that one node takes in until subscribers of another node have
// read them who all want the same: what crosses, and what an event costs of both nodes.
func BenchmarkForwarding(b *testing.B) {
	for _, subscribers := range []int{1, 10} {
		b.Run(fmt.Sprint(subscribers), func(b *testing.B) { forward(b, subscribers) })
	}
}

func forward(b *testing.B, subscribers int) {
	w := newWorld(b)
	here, there := w.start(), w.start()
	w.meet(here, there)
	var all []*live.Subscription
	for range subscribers {
		all = append(all, here.look(telemetry.Filter{Source: "x"}, nil))
	}
	feed := there.begin("x")
	const burst = 1000
	seen, sent := uint64(0), 0
	for b.Loop() {
		run(feed, kindPlain, sent, burst)
		sent += burst
		var reading sync.WaitGroup
		for _, s := range all {
			reading.Go(func() {
				for came := 0; came < burst; {
					n, err := s.Next(b.Context())
					if err != nil || n.Lagged > 0 {
						b.Errorf("%d missed, %v", n.Lagged, err)
						return
					}
					came += len(n.Events)
				}
			})
		}
		reading.Wait()
		seen += burst
	}
	to := &there.Counters().To
	b.ReportMetric(float64(seen)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(to.Events.Load())/float64(seen), "sent/event")
	b.ReportMetric(float64(to.Bytes.Load())/float64(seen), "B/event")
}
