package telemetry_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

func sortBySeq(events []archive.StoredEvent) {
	slices.SortFunc(events, func(a, b archive.StoredEvent) int { return cmp.Compare(a.Seq, b.Seq) })
}

func TestWhatIsFlushedCanBeReadBackAsItCame(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("alice")
	at := time.Date(2031, 2, 3, 4, 5, 6, 7000, time.UTC)
	body := []byte("\x00\xff and \x00 more")
	raw := bytes.Clone(body)
	feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindBegun, Seq: 0, At: at, Raw: raw})
	copy(raw, "used again for something else")
	feed.Record(telemetry.Record{
		Catalogue: "plain", Kind: kindUnknown, Seq: 1<<62 + 1, At: at, Link: 0, Linked: true, Raw: nil,
		Hot: telemetry.Hot{Subject: []byte{0, 1}, Number: telemetry.Of(1<<64 - 1), Index: telemetry.Of(0)},
	})
	w.flush()
	events := w.events(feed.ID())
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	first, second := events[0], events[1]
	if !bytes.Equal(first.Body, body) || first.At != at.UnixMicro() || first.Has != 0 || first.Class != telemetry.Lifecycle {
		t.Errorf("first: %+v", first)
	}
	if second.Seq != 1<<62+1 || second.Kind != kindUnknown || second.Has != telemetry.HasLink|telemetry.HasNumber|telemetry.HasIndex ||
		second.Number != 1<<64-1 || second.Index != 0 || !bytes.Equal(second.Subject, []byte{0, 1}) || len(second.Body) != 0 {
		t.Errorf("second: %+v", second)
	}
	s := w.session(feed.ID())
	if s.Identity != "alice" || s.Scope != "room alice" || s.Parameters["width"] != 1<<63+1 || !s.Ended.IsZero() {
		t.Errorf("session: %+v", s)
	}
	feed.End("went home\x00")
	feed.End("again")
	feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindMeta, Seq: 2})
	w.flush()
	if s := w.session(feed.ID()); s.Ended.IsZero() || s.Reason != "went home\uFFFD" {
		t.Errorf("ended session: %+v", s)
	}
	if n := len(w.events(feed.ID())); n != 2 {
		t.Errorf("%d events after the end", n)
	}
}

func TestEverythingIsStoredWhoeverSendsItAtOnce(t *testing.T) {
	w := newWorld(t)
	const feeds, each = 20, 2000
	var ids [feeds]telemetry.SessionID
	var senders sync.WaitGroup
	for i := range feeds {
		feed := w.begin(fmt.Sprintf("source %d", i))
		ids[i] = feed.ID()
		senders.Go(func() {
			for n := range uint64(each) {
				feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindMeta, Seq: n, At: time.Now(), Raw: fmt.Appendf(nil, "event %d", n)})
			}
		})
	}
	senders.Wait()
	w.flush()
	for _, id := range ids {
		events := w.events(id)
		if len(events) != each {
			t.Fatalf("%d events", len(events))
		}
		for n, e := range events {
			if e.Seq != uint64(n) || string(e.Body) != fmt.Sprintf("event %d", n) {
				t.Fatalf("event %d is %d, %q", n, e.Seq, e.Body)
			}
		}
	}
	c := w.engine.Counters()
	if n := c.Stored.Load(); n != feeds*each {
		t.Errorf("%d are counted", n)
	}
	if r := c.Commit.Read(); r.Count != feeds*each || r.Quantile(.5) <= 0 {
		t.Errorf("the way to the database: %+v", r)
	}
}

func TestPoisonedRowsAreAloneInQuarantine(t *testing.T) {
	w := newWorld(t)
	w.flush() // the tables are there
	w.exec("alter table telemetry_events add constraint no_poison check (kind <> 66)")
	feed := w.begin("careless")
	const all = 10_000
	bad := []uint64{0, 1, 4711, all - 1}
	for n := range uint64(all) {
		kind := uint16(kindMeta)
		if slices.Contains(bad, n) {
			kind = kindPoison
		}
		feed.Record(telemetry.Record{Catalogue: "plain", Kind: kind, Seq: n, At: time.Now(), Raw: []byte("x")})
	}
	// The clock of this one is beyond what the database can represent.
	feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindMeta, Seq: all, At: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), Raw: []byte("x")})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.engine.Flush(ctx); err == nil {
		t.Error(errFlushed)
	}
	w.flush() // once told, nothing is missing any more
	if n := len(w.events(feed.ID())); n != all-len(bad) {
		t.Errorf("%d events", n)
	}
	if lost := w.lost(feed.ID()); lost[telemetry.WriteFailed] != uint64(len(bad))+1 || len(lost) != 1 {
		t.Errorf("ledger: %v", lost)
	}
	if n := w.count("select count(*) from telemetry_quarantine where reason in ('23514', '22008') and body = 'x'"); n != len(bad)+1 {
		t.Errorf("%d in quarantine", n)
	}
}

func TestTheLedgerIsExact(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("sloppy")
	feed.Lost(telemetry.SourceDropped, 0, 7)
	feed.Lost(telemetry.RateLimited, 7, 3)
	feed.Lost(telemetry.Undecodable, 10, 1)
	feed.Lost(telemetry.Undecodable, 11, 0)
	feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindMeta, Seq: 0, Counted: true, Raw: make([]byte, telemetry.MaxRaw+1)})
	feed.Record(telemetry.Record{Catalogue: "plain", Kind: kindMeta, Seq: 11, Raw: make([]byte, telemetry.MaxRaw+1)})
	w.flush()
	feed.Lost(telemetry.RateLimited, 12, 2)
	feed.Lost(telemetry.SourceDropped, 14, 1<<64-1)
	feed.Lost(telemetry.SourceDropped, 20, 1<<64-1)
	w.flush()
	want := map[telemetry.Cause]uint64{telemetry.SourceDropped: 1<<64 - 1, telemetry.RateLimited: 5, telemetry.Undecodable: 1, telemetry.TooLarge: 1}
	for cause, n := range w.lost(feed.ID()) {
		if want[cause] != n {
			t.Errorf("%s: %d instead of %d", cause, n, want[cause])
		}
		delete(want, cause)
	}
	if len(want) > 0 {
		t.Errorf("not in the ledger: %v", want)
	}
}

func TestWhatDoesNotFitIsInTheLedgerSamplesFirst(t *testing.T) {
	w := newWorld(t, func(o *telemetry.Options) { o.MaxEvents = 100 })
	w.flush()
	w.exec("alter table telemetry_events rename to elsewhere") // nothing can be stored
	feed := w.begin("busy")
	stored := map[uint16]int{}
	before := uint64(0)
	seq := uint64(0)
	for _, kind := range []uint16{kindSample, kindMeta, kindFailed} {
		for range 100 {
			feed.Record(telemetry.Record{Catalogue: "plain", Kind: kind, Seq: seq, At: time.Now()})
			seq++
		}
		lost := w.engine.Counters().Lost[telemetry.QueueFull].Load()
		stored[kind] = 100 - int(lost-before)
		before = lost
	}
	if stored[kindSample] != 80 || stored[kindMeta] != 10 || stored[kindFailed] != 10 {
		t.Errorf("taken: %v", stored)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.engine.Flush(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush without a table: %v", err)
	}
	w.exec("alter table elsewhere rename to telemetry_events")
	w.flush()
	if n := len(w.events(feed.ID())); n != 100 {
		t.Errorf("%d events", n)
	}
	if lost := w.lost(feed.ID()); lost[telemetry.QueueFull] != 200 {
		t.Errorf("ledger: %v", lost)
	}
}

func TestSourcesThatAreNotAcceptable(t *testing.T) {
	w := newWorld(t, func(o *telemetry.Options) { o.MaxSessions = 1 })
	for name, s := range map[string]telemetry.Source{
		"catalogue": {Catalogue: "other", Identity: "x"},
		"identity":  {Catalogue: "plain"},
		"scope":     {Catalogue: "plain", Identity: "x", Scope: string(make([]byte, telemetry.MaxIdentity+1))},
		"version":   {Catalogue: "plain", Identity: "x", Version: 1 << 40},
	} {
		if _, err := w.engine.Begin(t.Context(), s); !errors.Is(err, telemetry.ErrBadSource) {
			t.Errorf("%s: %v", name, err)
		}
	}
	feed := w.begin("first")
	if _, err := w.engine.Begin(t.Context(), telemetry.Source{Catalogue: "plain", Identity: "x"}); !errors.Is(err, telemetry.ErrTooManySessions) {
		t.Errorf("second session: %v", err)
	}
	feed.End("")
	w.begin("second").End("")
}

func TestRollupsCountWhatCame(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("worker")
	start := time.Now()
	seq := uint64(0)
	record := func(r telemetry.Record) {
		r.Catalogue, r.Seq = "plain", seq
		seq++
		feed.Record(r)
	}
	for i := range 100 {
		began := seq
		record(telemetry.Record{Kind: kindBegun, At: start, Hot: telemetry.Hot{Dimension: "red"}})
		r := telemetry.Record{Kind: kindDone, At: start.Add(time.Duration(i+1) * time.Millisecond), Link: began, Linked: true}
		if i >= 90 {
			r.Kind = kindFailed
		}
		r.Hot.Samples = []telemetry.Sample{{Measure: "size", Value: float64(i)}}
		record(r)
	}
	w.flush()
	started, stages, err := w.archive.Funnel(t.Context(), kindBegun, archive.RollupQuery{Catalogue: "plain", Scopes: []string{"room worker"}})
	if err != nil {
		t.Fatal(err)
	}
	if started != 100 || len(stages) != 2 || stages[0].Count != 90 || stages[1].Count != 10 {
		t.Errorf("started %d, then %+v", started, stages)
	}
	if p50 := stages[0].Histogram.Quantile(.5); p50 < 42 || p50 > 48 {
		t.Errorf("half were done after %v ms", p50)
	}
	points, err := w.archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", BySource: true, From: start.Add(-time.Minute), Step: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var all uint64
	for _, p := range points {
		if p.Source != "worker" {
			t.Errorf("source %q", p.Source)
		}
		all += p.Count
	}
	if all != 200 {
		t.Errorf("%d events of the source", all)
	}
	w.flush() // the same once more changes nothing
	points, err = w.archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", Kinds: []uint16{kindBegun}, Measures: []string{""}})
	if err != nil || len(points) != 1 || points[0].Count != 100 || points[0].Dimension != "red" {
		t.Errorf("%+v, %v", points, err)
	}
	points, err = w.archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", Measures: []string{"size"}})
	if err != nil || len(points) != 2 || points[0].Sum != 89*90/2 {
		t.Errorf("%+v, %v", points, err)
	}
}

func TestOnlyTheLastBeginningsAreRemembered(t *testing.T) {
	w := newWorld(t)
	feed := w.begin("forgetful")
	at := time.Now()
	const begun = 2000
	for n := range uint64(begun) {
		feed.Record(telemetry.Record{Kind: kindBegun, Seq: n, At: at})
	}
	feed.Record(telemetry.Record{Kind: kindDone, Seq: begun, At: at, Link: 0, Linked: true})
	feed.Record(telemetry.Record{Kind: kindDone, Seq: begun + 1, At: at.Add(-time.Hour), Link: begun - 1, Linked: true})
	w.flush()
	started, stages, err := w.archive.Funnel(t.Context(), kindBegun, archive.RollupQuery{Catalogue: "plain"})
	if err != nil || started != begun || len(stages) != 1 || stages[0].Count != 1 || stages[0].Histogram.Quantile(1) != 0 {
		t.Errorf("started %d, then %+v, %v", started, stages, err)
	}
}
