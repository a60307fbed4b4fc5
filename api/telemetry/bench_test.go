package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// timed notes how long events waited to be stored.
type timed struct {
	telemetry.Store
	mu    sync.Mutex
	waits []time.Duration // of every hundredth
}

func (s *timed) Write(ctx context.Context, b *telemetry.Batch) error {
	err := s.Store.Write(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(b.Rows); i += 100 {
		s.waits = append(s.waits, time.Since(time.UnixMicro(b.Rows[i].Received)))
	}
	return err
}

// BenchmarkStored measures events from the feed until they can be read, by 1,024 sessions
// that send as fast as they are stored, with and without spilling. The database runs on the
// same machine.
func BenchmarkStored(b *testing.B) {
	for _, body := range []int{40, 200} {
		for _, spilled := range []bool{false, true} {
			b.Run(fmt.Sprintf("body=%d/spill=%t", body, spilled), func(b *testing.B) { stored(b, body, spilled) })
		}
	}
}

func stored(b *testing.B, size int, spilled bool) {
	address := postgrestest.URL(b)
	store, err := archive.Open(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	timed := &timed{Store: store}
	o := telemetry.Options{Store: timed, Catalogues: []telemetry.Catalogue{plain{}}, Log: slog.New(slog.DiscardHandler)}
	if spilled {
		o.SpillDir = b.TempDir()
	}
	e, err := telemetry.New(o)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	defer running.Wait()
	defer cancel()
	const sessions, each = 1024, 200
	feeds := make([]telemetry.Feed, sessions)
	for i := range feeds {
		if feeds[i], err = e.Begin(b.Context(), telemetry.Source{Catalogue: "plain", Identity: fmt.Sprint(i)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	body := make([]byte, size)
	seq, total := uint64(0), 0
	for b.Loop() {
		for n := range uint64(each) {
			at := time.Now()
			for _, f := range feeds {
				f.Record(telemetry.Record{Kind: kindMeta, Seq: seq + n, At: at, Raw: body, Hot: telemetry.Hot{Number: telemetry.Of(n)}})
			}
			if waiting, _ := e.Waiting(); waiting > 20_000 { // as a connection that is not read from
				if err := e.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
		seq += each
		total += each * sessions
		if err := e.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	took := b.Elapsed()
	conn, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	var rows, bytes int
	err = conn.QueryRow(b.Context(), `select (select count(*) from telemetry_events),
		(select sum(pg_total_relation_size(relid))::bigint from pg_partition_tree('telemetry_events') where isleaf)`).Scan(&rows, &bytes)
	if err != nil || rows != total {
		b.Fatalf("%d of %d events are stored, %v", rows, total, err)
	}
	slices.Sort(timed.waits)
	b.ReportMetric(float64(total)/took.Seconds(), "events/s")
	b.ReportMetric(float64(bytes)/float64(rows), "B/event")
	b.ReportMetric(float64(timed.waits[len(timed.waits)*99/100].Milliseconds()), "p99-ms")
}

// BenchmarkRecord measures what a caller pays for one event.
func BenchmarkRecord(b *testing.B) {
	for name, r := range map[string]telemetry.Record{
		"plain":   {Kind: kindMeta, Raw: make([]byte, 40)},
		"counted": {Kind: kindMeta, Raw: make([]byte, 40), Hot: telemetry.Hot{Dimension: "red", Samples: []telemetry.Sample{{Measure: "ms", Value: 3}}}},
	} {
		b.Run(name, func(b *testing.B) {
			e, err := telemetry.New(telemetry.Options{
				Store: nil, Catalogues: []telemetry.Catalogue{plain{}}, Log: slog.New(slog.DiscardHandler), MaxEvents: 1000,
			})
			if err != nil {
				b.Fatal(err)
			}
			feed, err := e.Begin(b.Context(), telemetry.Source{Catalogue: "plain", Identity: "x"})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				feed.Record(r)
				r.Seq++
			}
		})
	}
}
