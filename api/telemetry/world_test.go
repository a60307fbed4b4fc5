package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		fmt.Fprintln(os.Stderr, child())
		os.Exit(1)
	}
	postgrestest.Main(m)
}

// Kinds of the catalogue of these tests.
const (
	kindSample  = 1
	kindMeta    = 2
	kindBegun   = 3 // opens
	kindDone    = 4
	kindFailed  = 5
	kindPoison  = 66 // refused by the database, when asked to
	kindUnknown = 999
)

// plain is a catalogue of a few kinds whose bodies are text.
type plain struct{}

func (plain) ID() string { return "plain" }

func (plain) Lookup(kind uint16) (telemetry.Kind, bool) {
	k, ok := map[uint16]telemetry.Kind{
		kindSample: {Name: "sample", Group: "samples", Class: telemetry.Samples},
		kindMeta:   {Name: "meta", Group: "others", Class: telemetry.Meta},
		kindBegun:  {Name: "begun", Group: "work", Class: telemetry.Lifecycle, Opens: true},
		kindDone:   {Name: "done", Group: "work", Class: telemetry.Lifecycle},
		kindFailed: {Name: "failed", Group: "work", Class: telemetry.Failure},
		kindPoison: {Name: "poison", Group: "others", Class: telemetry.Meta},
	}[kind]
	return k, ok
}

func (plain) Render(_ telemetry.Source, _ uint16, raw []byte) (json.RawMessage, error) {
	return json.Marshal(map[string]string{"text": string(raw)})
}

func (plain) Describe() any { return "plain text" }

// patience bounds each wait of a test for what normally takes milliseconds.
const patience = 2 * time.Minute

// world is an engine on a database of its own.
type world struct {
	t       *testing.T
	url     string
	engine  *telemetry.Engine
	archive *archive.Archive
	stop    func() error // the engine, once
}

func newWorld(t *testing.T, change ...func(*telemetry.Options)) *world {
	t.Helper()
	return worldAt(t, postgrestest.URL(t), change...)
}

func worldAt(t *testing.T, url string, change ...func(*telemetry.Options)) *world {
	t.Helper()
	w := &world{t: t, url: url}
	var err error
	if w.archive, err = archive.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.archive.Close)
	o := telemetry.Options{
		Store: w.archive, Catalogues: []telemetry.Catalogue{plain{}},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&o)
	}
	if w.engine, err = telemetry.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx) }()
	stopped := false
	w.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = w.stop() })
	return w
}

func (w *world) begin(identity string) telemetry.Feed {
	w.t.Helper()
	feed, err := w.engine.Begin(w.t.Context(), telemetry.Source{
		Catalogue: "plain", Identity: identity, Scope: "room " + identity, Version: 1,
		Labels: map[string]string{"name": identity}, Parameters: map[string]uint64{"width": 1<<63 + 1},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return feed
}

func (w *world) flush() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.engine.Flush(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// events returns all events of a session, the first first.
func (w *world) events(id telemetry.SessionID) []archive.StoredEvent {
	w.t.Helper()
	var all []archive.StoredEvent
	q := archive.EventQuery{Sessions: []telemetry.SessionID{id}, Page: archive.Page{Limit: 50_000}}
	for {
		page, next, err := w.archive.Events(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(page, all...)
		if next == "" {
			break
		}
		q.After = next
	}
	sortBySeq(all)
	return all
}

func (w *world) session(id telemetry.SessionID) telemetry.Session {
	w.t.Helper()
	all, _, err := w.archive.Sessions(w.t.Context(), archive.SessionQuery{ID: id, Page: archive.Page{Limit: 1}})
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%d sessions, %v", len(all), err)
	}
	return all[0]
}

func (w *world) lost(id telemetry.SessionID) map[telemetry.Cause]uint64 {
	w.t.Helper()
	lost, err := w.archive.Lost(w.t.Context(), archive.LossQuery{Session: id})
	if err != nil {
		w.t.Fatal(err)
	}
	return lost
}

// exec runs statements on the database behind the engine's back.
func (w *world) exec(sql ...string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(w.t.Context()))
	for _, s := range sql {
		if _, err := conn.Exec(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) count(sql string) (n int) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(w.t.Context()))
	if err := conn.QueryRow(w.t.Context(), sql).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

var errFlushed = errors.New("flush said that all is stored")
