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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
	parsed, err := telemetry.ParseCursor(cursor.String())
	if err != nil || parsed != cursor || !w.engine.Resumes(parsed) {
		t.Fatalf("%v, %v", parsed, err)
	}
	again := next(t, w.engine.Subscribe(telemetry.Filter{}, &parsed))
	if len(again.Events) != 1 || again.Events[0].Row.Seq != 1 || again.Lagged != 0 {
		t.Errorf("%+v", again)
	}
	other := newWorld(t)
	if other.engine.Resumes(parsed) {
		t.Error("another engine takes the cursor for its own")
	}
	for _, bad := range []string{"", "-", "x-1", "1-", "1"} {
		if _, err := telemetry.ParseCursor(bad); err == nil {
			t.Errorf("%q is a cursor", bad)
		}
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
