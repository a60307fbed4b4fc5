package telemetry_test

import (
	"context"
	"testing"
	"time"

	"parley/api/telemetry"
)

// next returns what a subscription gets.
func next(t *testing.T, s *telemetry.Subscription) telemetry.News {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n, err := s.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSubscribersGetWhatTheyFilterFor(t *testing.T) {
	w := newWorld(t)
	a, b := w.begin("a"), w.begin("b")
	filters := map[string]struct {
		filter telemetry.Filter
		want   int // of the events below, before the marker
	}{
		"all":       {telemetry.Filter{}, 4},
		"catalogue": {telemetry.Filter{Catalogue: "other"}, 0},
		"kinds":     {telemetry.Filter{Kinds: []uint16{kindSample, kindFailed}}, 2},
		"groups":    {telemetry.Filter{Groups: []string{"work"}}, 2},
		"classes":   {telemetry.Filter{Classes: []telemetry.Class{telemetry.Failure}}, 1},
		"source":    {telemetry.Filter{Source: "a"}, 3},
		"scope":     {telemetry.Filter{Scopes: []string{"room b"}}, 1},
		"session":   {telemetry.Filter{Session: b.ID()}, 1},
		"both":      {telemetry.Filter{Groups: []string{"work"}, Scopes: []string{"room b"}}, 0},
	}
	subscriptions := map[string]*telemetry.Subscription{}
	for name, f := range filters {
		subscriptions[name] = w.engine.Subscribe(f.filter, nil)
	}
	marker := w.engine.Subscribe(telemetry.Filter{}, nil)
	a.Record(telemetry.Record{Kind: kindSample, Seq: 0})
	a.Record(telemetry.Record{Kind: kindBegun, Seq: 1})
	a.Record(telemetry.Record{Kind: kindFailed, Seq: 2})
	b.Record(telemetry.Record{Kind: kindMeta, Seq: 0})
	end := next(t, marker).Cursor
	for name, s := range subscriptions {
		got := 0
		for s.Cursor() != end {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // what is there is returned, what is not is not waited for
			n, _ := s.Next(ctx)
			got += len(n.Events)
		}
		if got != filters[name].want {
			t.Errorf("%s: %d events", name, got)
		}
	}
}

func TestStreamsGoOnWhereTheyWere(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("a")
	first := w.engine.Subscribe(telemetry.Filter{}, nil)
	feed.Record(telemetry.Record{Kind: kindMeta, Seq: 0})
	cursor := next(t, first).Cursor
	feed.Record(telemetry.Record{Kind: kindMeta, Seq: 1})
	if !w.engine.Keeps(cursor) || cursor.Engine != w.engine.ID() {
		t.Fatalf("%v", cursor)
	}
	again := next(t, w.engine.Subscribe(telemetry.Filter{}, &cursor))
	if len(again.Events) != 1 || again.Events[0].Row.Seq != 1 || again.Lagged != 0 {
		t.Errorf("%+v", again)
	}
	other := newWorld(t)
	if other.engine.Keeps(cursor) {
		t.Error("another engine takes the cursor for its own")
	}
}

// No two events of an engine came at the same time: a time is a place in its stream.
func TestPlacesAreFoundByTime(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("a")
	at := time.Now()
	s := w.engine.Subscribe(telemetry.Filter{}, nil)
	for n := range uint64(3) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: n, Received: at})
	}
	events := next(t, s).Events
	for i, e := range events {
		if want := at.UnixMicro() + int64(i); e.Row.Received != want {
			t.Errorf("event %d came at %d, want %d", i, e.Row.Received, want)
		}
		if c, ok := w.engine.Locate(e.Row.Received); !ok || c != (telemetry.Cursor{Engine: w.engine.ID(), Next: uint64(i) + 1, Received: e.Row.Received}) {
			t.Errorf("after event %d: %v %v", i, c, ok)
		}
	}
	if c, ok := w.engine.Locate(at.UnixMicro() - 1); !ok || c.Next != 0 {
		t.Errorf("before all: %v %v", c, ok)
	}
	w.flush()
	if stored := w.events(feed.ID()); stored[2].Received != events[2].Row.Received {
		t.Errorf("on record %d, shown %d", stored[2].Received, events[2].Row.Received)
	}
	for n := range uint64(40_000) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: 3 + n})
	}
	if c, ok := w.engine.Locate(at.UnixMicro()); ok || c.Next == 0 || !w.engine.Keeps(c) {
		t.Errorf("what is not there any more: %v %v", c, ok)
	}
	// A clock that was put back is believed.
	feed.Record(telemetry.Record{Kind: kindMeta, Seq: 50_000, Received: at.Add(-time.Hour)})
	if got := w.engine.Head().Received; got != at.Add(-time.Hour).UnixMicro() {
		t.Errorf("came at %d", got)
	}
}

func TestSlowSubscribersAreToldHowMuchTheyMissed(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("a")
	slow := w.engine.Subscribe(telemetry.Filter{}, nil)
	const all = 40_000
	for n := range uint64(all) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: n})
	}
	seen, lagged := uint64(0), uint64(0)
	for seen+lagged < all {
		n := next(t, slow)
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

func TestSubscribersWakeUp(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("a")
	s := w.engine.Subscribe(telemetry.Filter{Kinds: []uint16{kindFailed}}, nil)
	got := make(chan telemetry.News, 1)
	go func() {
		n, err := s.Next(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- n
	}()
	feed.Record(telemetry.Record{Kind: kindMeta, Seq: 0})
	feed.Record(telemetry.Record{Kind: kindFailed, Seq: 1})
	if n := <-got; len(n.Events) != 1 || n.Events[0].Row.Seq != 1 || n.Events[0].Kind.Name != "failed" || n.Events[0].Source.Identity != "a" {
		t.Errorf("%+v", n)
	}
}
