package archive_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// world is an archive on a database of its own.
type world struct {
	*archive.Archive
	t    *testing.T
	conn *pgx.Conn
}

func newWorld(t *testing.T) world {
	t.Helper()
	url := postgrestest.URL(t)
	a, err := archive.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return world{a, t, conn}
}

func (w world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.conn.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w world) write(b telemetry.Batch) {
	w.t.Helper()
	if err := w.Write(w.t.Context(), &b); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) keep(r telemetry.Retention) {
	w.t.Helper()
	if err := w.Keep(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
}

const day = 24 * time.Hour

// row is an event of a class that came so long ago.
func row(seq uint64, c telemetry.Class, ago time.Duration) telemetry.Row {
	at := time.Now().Add(-ago).UnixMicro()
	return telemetry.Row{Session: 1, Seq: seq, Received: at, At: at, Catalogue: "plain", Kind: 1, Class: c, Body: []byte("x")}
}

func session(id telemetry.SessionID, ago time.Duration) telemetry.Session {
	return telemetry.Session{ID: id, Source: telemetry.Source{Catalogue: "plain", Identity: "x", Began: time.Now().Add(-ago)}}
}

func TestEventsGoByClassAndDay(t *testing.T) {
	w := newWorld(t)
	b := telemetry.Batch{Sessions: []telemetry.Session{session(1, 10*day)}}
	for i, ago := range []time.Duration{0, 4 * day, 20 * day} {
		for _, c := range []telemetry.Class{telemetry.Samples, telemetry.Meta, telemetry.Lifecycle, telemetry.Failure} {
			b.Rows = append(b.Rows, row(uint64(10*i)+uint64(c), c, ago))
		}
	}
	w.write(b)
	w.write(b) // what is there already is no error, and not there twice
	if n := w.count("select count(*) from telemetry_events"); n != 12 {
		t.Fatalf("%d events", n)
	}
	w.keep(telemetry.Retention{Samples: 2 * day, Meta: 7 * day, Lifecycle: 30 * day})
	for class, want := range map[telemetry.Class]int{telemetry.Samples: 1, telemetry.Meta: 2, telemetry.Lifecycle: 3, telemetry.Failure: 3} {
		if n := w.count("select count(*) from telemetry_events where class = $1", int16(class)); n != want {
			t.Errorf("%s: %d events instead of %d", class, n, want)
		}
	}
	// Tables for the days to come are there, and an old event makes room for itself again.
	if n := w.count("select count(*) from pg_class where relname = 'telemetry_events_sample_' || to_char(now() at time zone 'utc' + interval '2 days', 'YYYYMMDD')"); n != 1 {
		t.Error("no table for the day after tomorrow")
	}
	w.write(telemetry.Batch{Rows: []telemetry.Row{row(99, telemetry.Samples, 20*day)}})
}

func TestTablesThatAnotherNodeDropped(t *testing.T) {
	w := newWorld(t)
	w.write(telemetry.Batch{Sessions: []telemetry.Session{session(1, 0)}, Rows: []telemetry.Row{row(1, telemetry.Meta, 9*day)}})
	other, err := archive.Open(t.Context(), w.conn.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Keep(t.Context(), telemetry.Retention{Meta: day}); err != nil {
		t.Fatal(err)
	}
	b := telemetry.Batch{Rows: []telemetry.Row{row(2, telemetry.Meta, 9*day)}}
	if err := w.Write(t.Context(), &b); err == nil {
		t.Error("stored into a table that is gone")
	} else if _, refused := err.(*telemetry.RefusedError); refused {
		t.Errorf("refused: %v", err)
	}
	w.write(b) // the engine tries again
}

func TestSessionsOfNodesThatAreGoneEnd(t *testing.T) {
	w := newWorld(t)
	w.write(telemetry.Batch{Sessions: []telemetry.Session{session(1, time.Hour), session(2, time.Hour), session(3, 0)}})
	if err := w.Alive(t.Context(), []telemetry.Pulse{{Session: 2, Events: 7}}); err != nil {
		t.Fatal(err)
	}
	w.keep(telemetry.Retention{})
	all, _, err := w.Sessions(t.Context(), archive.SessionQuery{Page: archive.Page{Limit: 10}})
	if err != nil || len(all) != 3 {
		t.Fatalf("%d sessions, %v", len(all), err)
	}
	if all[2].ID != 1 || all[2].Ended.IsZero() || all[2].Reason == "" || !all[1].Ended.IsZero() || all[1].Events != 7 || !all[0].Ended.IsZero() {
		t.Errorf("%+v", all)
	}
}

func TestOldSessionsGoWithTheirLedgers(t *testing.T) {
	w := newWorld(t)
	old, young := session(1, 9*day), session(2, time.Hour)
	old.Ended, young.Ended = time.Now().Add(-8*day), time.Now()
	loss := telemetry.Loss{Cause: telemetry.RateLimited, First: 1, Last: 2, Count: 2}
	w.write(telemetry.Batch{Sessions: []telemetry.Session{old, young}, Losses: []telemetry.Entry{
		{Session: 1, Number: 1, Loss: loss, Noted: old.Ended}, {Session: 2, Number: 1, Loss: loss, Noted: young.Ended},
		{Session: 2, Number: 1, Loss: telemetry.Loss{Cause: telemetry.RateLimited, First: 1, Last: 5, Count: 5}, Noted: young.Ended}, // it grew
	}})
	w.keep(telemetry.Retention{Sessions: day})
	if n := w.count("select count(*) from telemetry_sessions"); n != 1 {
		t.Errorf("%d sessions", n)
	}
	lost, err := w.Lost(t.Context(), archive.LossQuery{Catalogue: "plain"})
	if err != nil || lost[telemetry.RateLimited] != 5 {
		t.Errorf("%v, %v", lost, err)
	}
	if n := w.count("select count(*) from telemetry_losses"); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestListsGoOnWhereTheyEnded(t *testing.T) {
	w := newWorld(t)
	b := telemetry.Batch{Sessions: []telemetry.Session{session(1, time.Hour), session(2, time.Hour)}}
	for i := range uint64(10) {
		b.Rows = append(b.Rows, row(i, telemetry.Meta, time.Duration(i)*time.Second))
		b.Losses = append(b.Losses, telemetry.Entry{Session: 2, Number: int64(i), Loss: telemetry.Loss{Cause: telemetry.QueueFull, First: i, Last: i, Count: 1}, Noted: time.Now()})
	}
	w.write(b)
	seen := 0
	for q := (archive.EventQuery{Page: archive.Page{Limit: 3}}); ; {
		events, next, err := w.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Seq != uint64(seen) {
				t.Errorf("event %d has number %d", seen, e.Seq)
			}
			seen++
		}
		if q.After = next; next == "" {
			break
		}
		// What comes in between moves nothing.
		w.write(telemetry.Batch{Rows: []telemetry.Row{row(100+uint64(seen), telemetry.Meta, -time.Second)}})
	}
	if seen != 10 {
		t.Errorf("%d events", seen)
	}
	numbers := map[int64]bool{}
	for q := (archive.LossQuery{Page: archive.Page{Limit: 4}}); ; {
		losses, next, err := w.Losses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range losses {
			numbers[l.Number] = true
		}
		if q.After = next; next == "" {
			break
		}
	}
	if len(numbers) != 10 {
		t.Errorf("%d entries", len(numbers))
	}
	if _, _, err := w.Sources(t.Context(), archive.SourceQuery{Page: archive.Page{After: "1.2", Limit: 1}}); err == nil {
		t.Error("a cursor of another list")
	}
}

func TestRollupsOfSeveralWritersAdd(t *testing.T) {
	w := newWorld(t)
	bucket := time.Now().Truncate(time.Minute)
	var a, b telemetry.Histogram
	for v := range 100 {
		a.Add(float64(v))
		b.Add(1000)
	}
	cell := telemetry.Rollup{Bucket: bucket, Catalogue: "plain", Kind: 7, Measure: "ms", Writer: 1, Count: 100, Sum: 4950, Histogram: a}
	other := cell
	other.Writer, other.Sum, other.Histogram = 2, 100_000, b
	stale := cell
	stale.Count = 50 // comes late
	for _, cells := range [][]telemetry.Rollup{{cell, other}, {stale}, {cell}} {
		if err := w.WriteRollups(t.Context(), cells, telemetry.Mark{}); err != nil {
			t.Fatal(err)
		}
	}
	points, err := w.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", Step: time.Minute})
	if err != nil || len(points) != 1 {
		t.Fatalf("%+v, %v", points, err)
	}
	p := points[0]
	if !p.Bucket.Equal(bucket) || p.Count != 200 || p.Sum != 104_950 || p.Histogram.Count() != 200 {
		t.Errorf("%+v", p)
	}
	if q := p.Histogram.Quantile(.75); q < 950 || q > 1050 {
		t.Errorf("three quarters are below %v", q)
	}
	if q := p.Histogram.Quantile(.25); q < 46 || q > 53 {
		t.Errorf("a quarter is below %v", q)
	}
}

func TestOneKeyOfEventsPerTable(t *testing.T) {
	w := newWorld(t)
	w.keep(telemetry.Retention{})
	w.keep(telemetry.Retention{}) // which finds them
	const keys = `select count(*) from pg_index i join pg_partition_tree('telemetry_events') p on p.relid = i.indrelid where p.isleaf`
	if tables, unique, all := w.count("select count(*) from pg_partition_tree('telemetry_events') where isleaf"),
		w.count(keys+" and i.indisunique"), w.count(keys); tables != 4*3 || unique != tables || all != 3*tables {
		t.Errorf("%d tables have %d indexes, %d of them unique", tables, all, unique)
	}
}
