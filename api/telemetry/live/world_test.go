package live_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/natsrelay/natstest"
	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/live"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// patience bounds every wait.
const patience = 2 * time.Minute

// Kinds of the catalogue of these tests.
const (
	kindPlain  = 1
	kindWanted = 2
)

// plain is a catalogue of two kinds whose bodies are text.
type plain struct{}

func (plain) ID() string { return "plain" }

func (plain) Lookup(kind uint16) (telemetry.Kind, bool) {
	return telemetry.Kind{Name: "plain", Group: "plain", Class: telemetry.Meta}, kind == kindPlain || kind == kindWanted
}

func (plain) Render(_ telemetry.Source, _ uint16, raw []byte) (json.RawMessage, error) {
	return json.Marshal(string(raw))
}

func (plain) Describe() any { return "plain text" }

// world is what the nodes of a test share.
type world struct {
	testing.TB
	database, nats string
}

func newWorld(t testing.TB) *world {
	return &world{t, postgrestest.URL(t), natstest.URL(t)}
}

// node is an engine and its view of all.
type node struct {
	*world
	*live.Cluster
	engine *telemetry.Engine
	conn   *nats.Conn
	hush   func() // the node answers no more
	stop   func() // and then its engine ends; all is on record
}

// start starts a node that ends with the test.
func (w *world) start() *node { return w.startAt(w.nats) }

func (w *world) startAt(url string, change ...func(*telemetry.Options)) *node {
	w.Helper()
	log := slog.New(slog.NewTextHandler(w.Output(), nil))
	store, err := archive.Open(w.Context(), w.database)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(store.Close)
	n := &node{world: w, conn: natstest.Dial(w, url, nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1), nats.CustomReconnectDelay(func(int) time.Duration { return 50 * time.Millisecond }))}
	o := telemetry.Options{Store: store, Catalogues: []telemetry.Catalogue{plain{}}, Log: log}
	for _, c := range change {
		c(&o)
	}
	if n.engine, err = telemetry.New(o); err != nil {
		w.Fatal(err)
	}
	n.Cluster = live.New(live.Options{Engine: n.engine, Archive: store, Conn: n.conn, Log: log})
	answering, hush := context.WithCancel(context.WithoutCancel(w.Context()))
	storing, stop := context.WithCancel(context.WithoutCancel(w.Context()))
	var answers, stores sync.WaitGroup
	answers.Go(func() {
		if err := n.Run(answering); err != nil {
			w.Error(err)
		}
	})
	stores.Go(func() {
		if err := n.engine.Run(storing); err != nil {
			w.Error(err)
		}
	})
	n.hush = func() { hush(); answers.Wait() }
	n.stop = func() { n.hush(); stop(); stores.Wait() }
	w.Cleanup(n.stop)
	return n
}

// meet returns when nodes know of each other.
func (w *world) meet(nodes ...*node) {
	w.Helper()
	for _, n := range nodes {
		s := n.Subscribe(w.Context(), telemetry.Filter{Kinds: []uint16{kindWanted}, Source: "meet"}, nil)
		for _, other := range nodes {
			feed := other.begin("meet")
			feed.Record(telemetry.Record{Kind: kindWanted})
			feed.End("met")
		}
		seen := map[telemetry.SessionID]bool{}
		for len(seen) < len(nodes) {
			for _, e := range w.next(s).Events {
				seen[e.Row.Session] = true
			}
		}
		s.Close()
	}
}

func (n *node) begin(identity string) telemetry.Feed {
	n.Helper()
	feed, err := n.engine.Begin(n.Context(), telemetry.Source{
		Catalogue: "plain", Identity: identity, Scope: "room", Labels: map[string]string{"name": identity}, Parameters: map[string]uint64{"width": 1<<63 + 1},
	})
	if err != nil {
		n.Fatal(err)
	}
	return feed
}

// look subscribes until the test ends.
func (n *node) look(f telemetry.Filter, from *live.Cursor) *live.Subscription {
	s := n.Subscribe(n.Context(), f, from)
	n.Cleanup(s.Close)
	return s
}

func (w *world) next(s *live.Subscription) live.News {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	n, err := s.Next(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// run records events from first on, n of them.
func run(feed telemetry.Feed, kind uint16, first, n int) {
	for i := range n {
		feed.Record(telemetry.Record{Kind: kind, Seq: uint64(first + i), Raw: []byte("body")})
	}
}

// books notes what came of each session, in order and once.
type books struct {
	*world
	next map[telemetry.SessionID]uint64
}

func (w *world) books() *books { return &books{world: w, next: map[telemetry.SessionID]uint64{}} }

// read reads until as many events came of each feed; nothing may be missed or come twice.
func (b *books) read(s *live.Subscription, until map[telemetry.Feed]uint64) (last live.Cursor) {
	b.Helper()
	for {
		done := true
		for feed, n := range until {
			done = done && b.next[feed.ID()] >= n
		}
		if done {
			return s.Cursor()
		}
		news := b.world.next(s)
		if news.Lagged > 0 {
			b.Fatalf("%d missed", news.Lagged)
		}
		for _, e := range news.Events {
			if e.Row.Seq != b.next[e.Row.Session] {
				b.Fatalf("event %d of %d, want %d", e.Row.Seq, e.Row.Session, b.next[e.Row.Session])
			}
			b.next[e.Row.Session]++
		}
	}
}
