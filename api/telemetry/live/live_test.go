package live_test

import (
	"context"
	"testing"

	"parley/api/natsrelay/natstest"
	"parley/api/telemetry"
	"parley/api/telemetry/live"
)

func TestEventsOfAllNodesCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(), w.start()
	w.meet(a, b)
	atA, atB := a.look(telemetry.Filter{Source: "x"}, nil), b.look(telemetry.Filter{Source: "x"}, nil)
	onA, onB, other := a.begin("x"), b.begin("x"), b.begin("y")
	run(other, kindWanted, 0, 100)
	run(onA, kindPlain, 0, 100)
	run(onB, kindPlain, 0, 100)
	for _, s := range []*live.Subscription{atA, atB} {
		books := w.books()
		books.read(s, map[telemetry.Feed]uint64{onA: 100, onB: 100})
		if books.next[other.ID()] != 0 {
			t.Error("an event that nobody wants")
		}
	}
	// All of an event crosses.
	run(onB, kindWanted, 100, 1)
	e := w.next(atA).Events[0]
	if e.Source.Parameters["width"] != 1<<63+1 || e.Source.Labels["name"] != "x" || e.Kind.Name != "plain" || string(e.Row.Body) != "body" || e.Source.Scope != "room" {
		t.Errorf("%+v of %+v", e, e.Source)
	}
	if recent := a.Recent(t.Context(), telemetry.Filter{Source: "x"}, 150); len(recent) != 150 || recent[149].Row.Session != onB.ID() || recent[0].Row.Session != onA.ID() {
		t.Errorf("%d recent events", len(recent))
	}
}

// What nobody wants stays where it is.
func TestNothingIsSentThatNobodyWants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(), w.start()
	w.meet(a, b)
	feed := b.begin("x")
	sent := func() (bytes uint64) {
		if err := b.conn.Flush(); err != nil {
			t.Fatal(err)
		}
		return b.conn.Stats().OutBytes
	}
	before := sent()
	run(feed, kindPlain, 0, 5_000)
	if after := sent(); after-before > 20_000 { // what was asked before may be answered still
		t.Errorf("%d bytes for nobody", after-before)
	}
	s := a.look(telemetry.Filter{Kinds: []uint16{kindWanted}}, nil)
	before = sent()
	run(feed, kindPlain, 5_000, 10_000)
	run(feed, kindWanted, 15_000, 1)
	for seen := 0; seen == 0; {
		news := w.next(s)
		seen = len(news.Events)
		if seen > 0 && (seen != 1 || news.Events[0].Row.Seq != 15_000) {
			t.Fatalf("%+v", news)
		}
	}
	if after := sent(); after-before > 20_000 {
		t.Errorf("%d bytes for one event", after-before)
	}
}

func TestAnyNodeGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(), w.start()
	w.meet(a, b)
	onA, onB := a.begin("x"), b.begin("y")
	books := w.books()
	s := a.look(telemetry.Filter{Scopes: []string{"room"}, Kinds: []uint16{kindPlain}}, nil)
	run(onA, kindPlain, 0, 10)
	run(onB, kindPlain, 0, 10)
	cursor := books.read(s, map[telemetry.Feed]uint64{onA: 10, onB: 10})
	// From memory first, then so much that it is only on record.
	for round, n := range []int{100, 17_000} {
		s.Close()
		first := int(books.next[onA.ID()])
		run(onA, kindPlain, first, n)
		run(onB, kindPlain, first, n)
		from, err := live.ParseCursor(cursor.String())
		if err != nil {
			t.Fatal(err)
		}
		s = []*node{b, a}[round].look(telemetry.Filter{Scopes: []string{"room"}, Kinds: []uint16{kindPlain}}, &from)
		if s.Gone() {
			t.Error("both nodes are there")
		}
		run(onA, kindPlain, first+n, 50)
		run(onB, kindPlain, first+n, 50)
		all := uint64(first + n + 50)
		cursor = books.read(s, map[telemetry.Feed]uint64{onA: all, onB: all})
	}
}

func TestNodesComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy, url := natstest.Through(t, w.nats)
	a, b := w.startAt(url), w.start()
	w.meet(a, b)
	books := w.books()
	filter := telemetry.Filter{Source: "x"}
	s := a.look(filter, nil)
	onB := b.begin("x")
	run(onB, kindPlain, 0, 10)
	books.read(s, map[telemetry.Feed]uint64{onB: 10})
	c := w.start() // is followed as soon as it is there
	onC := c.begin("x")
	run(onC, kindPlain, 0, 10)
	early := books.read(s, map[telemetry.Feed]uint64{onC: 10})
	proxy.Cut() // until what follows is on record, however long that takes
	b.hush()    // as if it died: the last events are on record and nowhere else
	run(onB, kindPlain, 10, 10)
	b.stop()
	proxy.Heal()
	cursor := books.read(s, map[telemetry.Feed]uint64{onB: 20})

	// Who comes back to another node learns what one did that was there in between only, and what
	// one did that is gone.
	s.Close()
	d := w.start()
	onD := d.begin("x")
	run(onD, kindPlain, 0, 10)
	d.stop()
	s = c.look(filter, &cursor)
	earlier := c.look(filter, &early) // both wait for nodes that are gone
	run(onC, kindPlain, 10, 10)
	books.read(s, map[telemetry.Feed]uint64{onC: 20, onD: 10})
	again := w.books()
	again.next[onB.ID()], again.next[onC.ID()] = 10, 10
	if !earlier.Gone() {
		t.Error("a node that is gone is not missed")
	}
	again.read(earlier, map[telemetry.Feed]uint64{onB: 20, onC: 20, onD: 10})
}

func TestWhoIsSlowIsToldHowMuchWasMissedOnEachNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(), w.start()
	w.meet(a, b)
	slow := a.look(telemetry.Filter{Source: "x"}, nil)
	feed := b.begin("x")
	const all = 40_000
	run(feed, kindPlain, 0, all)
	seen, lagged := uint64(0), uint64(0)
	for seen+lagged < all {
		n := w.next(slow)
		lagged += n.Lagged
		for _, e := range n.Events {
			if e.Row.Seq != seen+lagged {
				t.Fatalf("event %d after %d seen and %d missed", e.Row.Seq, seen, lagged)
			}
			seen++
		}
	}
	if lagged == 0 || seen == 0 {
		t.Errorf("%d seen, %d missed", seen, lagged)
	}
}

func TestAnOutageOfNATSCostsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy, url := natstest.Through(t, w.nats)
	a, b := w.start(), w.startAt(url)
	w.meet(a, b)
	books := w.books()
	s := a.look(telemetry.Filter{Source: "x"}, nil)
	feed, own := b.begin("x"), a.begin("x")
	run(feed, kindPlain, 0, 10)
	books.read(s, map[telemetry.Feed]uint64{feed: 10})
	proxy.Cut()
	run(feed, kindPlain, 10, 10)
	run(own, kindPlain, 0, 10)
	books.read(s, map[telemetry.Feed]uint64{own: 10})
	proxy.Heal()
	books.read(s, map[telemetry.Feed]uint64{feed: 20})
}

func TestCursorsAreChecked(t *testing.T) {
	for _, bad := range []string{"", "-1", "x_", "1_1", "1_1.2", "1_0.1.1", "1_-5.1.1", "1_1.-1.1", "1_1.1.-1", "zzzzzzzzzzzzzz", "1_1.1.1.1", "1_zzzzzzzzzzzzzzzz.1.1"} {
		if _, err := live.ParseCursor("c1_" + bad); err == nil {
			t.Errorf("%q is a cursor", bad)
		}
	}
	for _, foreign := range []string{"", "x", "1-1", "c2_1", "c1"} {
		if _, err := live.ParseCursor(foreign); err == nil {
			t.Errorf("%q is a cursor", foreign)
		}
	}
	text := "c1_1"
	for range 65 {
		text += "_1.1.1"
	}
	if _, err := live.ParseCursor(text); err == nil {
		t.Error("a cursor of 65 engines")
	}
	const good = "c1_djeuu9rbnh_1.5.1_zz.1y2p0ij32e8e7.djeuu9rbnh"
	c, err := live.ParseCursor(good)
	if err != nil || c.String() != good {
		t.Errorf("%s, %v", c, err)
	}
}

// A node without others needs no NATS.
func TestOneNodeAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.start()
	alone := live.New(live.Options{Engine: n.engine, Archive: nil})
	ctx, cancel := context.WithCancel(t.Context())
	s := alone.Subscribe(ctx, telemetry.Filter{}, nil)
	cancel() // bounds the call only
	defer s.Close()
	feed := n.begin("x")
	run(feed, kindPlain, 0, 10)
	w.books().read(s, map[telemetry.Feed]uint64{feed: 10})
}
