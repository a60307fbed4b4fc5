package signout_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
	"parley/api/signout"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// patience bounds every wait.
const patience = 2 * time.Minute

const keep = 30 * time.Minute

// node is the part of a node that knows who signed out.
type node struct {
	t testing.TB
	*signout.List
	conn  *nats.Conn
	ended chan string // sessions, as they are told
}

// open returns a node; without a broker it is alone.
func open(t testing.TB, database, broker string) *node {
	t.Helper()
	log := natstest.Log(t)
	store, err := postgres.Open(t.Context(), database, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	n := &node{t: t, ended: make(chan string, 1000)}
	if broker != "" {
		n.conn = natstest.Dial(t, broker, natsrelay.ConnOptions("test", log, nil)...)
	}
	n.List = signout.New(signout.Options{Store: store, Conn: n.conn, Log: log, Keep: keep, Ended: func(all []string) {
		for _, id := range all {
			n.ended <- id
		}
	}})
	return n
}

// start returns a node that runs until the test ends. What is published from then on is heard.
func start(t testing.TB, database, broker string) *node {
	t.Helper()
	n := open(t, database, broker)
	before := 0
	if n.conn != nil {
		before = n.conn.NumSubscriptions()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	for n.conn != nil && n.conn.NumSubscriptions() == before {
		if err := n.conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if n.conn != nil {
		if err := n.conn.Flush(); err != nil { // the server knows the subscription
			t.Fatal(err)
		}
	}
	return n
}

// hears waits until n is told that a session was ended, and returns those it is told before.
func (n *node) hears(session string) (before []string) {
	n.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case id := <-n.ended:
			if id == session {
				if !n.Has(id) {
					n.t.Errorf("told of %s before it is on the list", id)
				}
				return before
			}
			before = append(before, id)
		case <-limit:
			n.t.Fatalf("never told that %s ended; told of %q", session, before)
		}
	}
}

func (n *node) end(session string) {
	n.t.Helper()
	if err := n.End(n.t.Context(), session, time.Now().Add(time.Hour)); err != nil {
		n.t.Fatal(err)
	}
	if !n.Has(session) {
		n.t.Fatalf("%s goes on where it was ended", session)
	}
}

func TestEndReachesOtherNodesAtOnce(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	a, b := start(t, database, broker), start(t, database, broker)
	const rounds = 20
	var worst, sum time.Duration
	for i := range rounds {
		id := fmt.Sprint("s", i)
		if a.Has(id) || b.Has(id) {
			t.Fatal("ended before")
		}
		began := time.Now()
		a.end(id)
		b.hears(id)
		took := time.Since(began)
		worst, sum = max(worst, took), sum+took
	}
	t.Logf("to the other node: mean %v, worst %v", sum/rounds, worst)
	if a.Has("") || b.Has("s") || b.Has("another") {
		t.Error("sessions nobody ended are on the list")
	}
}

func TestEndArrivesWithoutNATS(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	proxy, through := natstest.Through(t, broker)
	a, b, alone := start(t, database, broker), start(t, database, through), start(t, database, "")
	proxy.Cut()
	for i, from := range []*node{a, b, alone} {
		id := fmt.Sprint("s", i)
		began := time.Now()
		from.end(id)
		for _, n := range []*node{a, b, alone} {
			n.hears(id)
		}
		t.Logf("everywhere after %v", time.Since(began))
	}
}

// Nothing is said to have happened that is not on record.
func TestEndNeedsTheDatabase(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	proxy, through := natstest.Through(t, database)
	a, b := start(t, database, broker), start(t, through, broker)
	a.end("before")
	b.hears("before")
	proxy.Cut()
	if err := b.End(t.Context(), "one", time.Now().Add(time.Hour)); err == nil || b.Has("one") {
		t.Errorf("a session is ended without being on record: %v", err)
	}
	if err := b.End(t.Context(), "before", time.Now().Add(time.Hour)); err != nil {
		t.Errorf("what was ended before: %v", err)
	}
	if !b.Has("before") {
		t.Error("forgotten together with the database")
	}
	a.end("meanwhile")
	proxy.Heal()
	b.hears("meanwhile")
	if a.Has("one") {
		t.Error("it was on record after all")
	}
	b.end("one")
	a.hears("one")
}

func TestANodeStartsWithWhatWasEnded(t *testing.T) {
	database := postgrestest.URL(t)
	a := open(t, database, "")
	a.end("one")
	a.end("two")
	b := open(t, database, "")
	if err := b.Load(t.Context()); err != nil || !b.Has("one") || !b.Has("two") {
		t.Errorf("%v", err)
	}
	if err := open(t, "postgres://nobody@127.0.0.1:1/none", "").Load(t.Context()); err == nil {
		t.Error("loaded from nowhere")
	}
}

func TestWhatHasExpiredIsForgotten(t *testing.T) {
	database := postgrestest.URL(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	a := open(t, database, "")
	a.end("good")
	a.end("old")
	if _, err := conn.Exec(t.Context(), `update sign_outs set keep_until = now() - interval '1 s' where session_id = 'old'`); err != nil {
		t.Fatal(err)
	}
	b := open(t, database, "")
	if err := b.Load(t.Context()); err != nil || !b.Has("good") || b.Has("old") {
		t.Errorf("%v, %v, %v", b.Has("good"), b.Has("old"), err)
	}
	b.Sweep(t.Context())
	var left []string
	if err := conn.QueryRow(t.Context(), `select array_agg(session_id::text) from sign_outs`).Scan(&left); err != nil || !slices.Equal(left, []string{"good"}) {
		t.Errorf("on record are %q, %v", left, err)
	}
	// What was made with a session may live longer than it.
	if err := b.End(t.Context(), "nearly over", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := b.End(t.Context(), "for ever", time.Unix(1<<55, 0)); err != nil {
		t.Fatal(err)
	}
	var least, most time.Time
	if err := conn.QueryRow(t.Context(), `select min(keep_until), max(keep_until) from sign_outs`).Scan(&least, &most); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(least); left < keep-time.Minute || left > keep {
		t.Errorf("forgotten after %v", left)
	}
	if left := time.Until(most); left < 99*365*24*time.Hour {
		t.Errorf("forgotten after %v", left)
	}
}

// Every session is told of once, however many end it, and in the memory of nodes it ends with
// its own time.
func TestManyAtOnce(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	nodes := []*node{start(t, database, broker), start(t, database, broker)}
	const sessions = 50
	var ending sync.WaitGroup
	for _, n := range nodes {
		for i := range sessions {
			ending.Go(func() { n.end(fmt.Sprint("s", i)) })
		}
	}
	ending.Wait()
	nodes[0].end("last")
	for _, n := range nodes {
		if told := slices.Sorted(slices.Values(n.hears("last"))); len(told) != sessions || len(slices.Compact(told)) != sessions {
			t.Errorf("told %d times of %d sessions", len(told), sessions)
		}
	}
}

func TestExpiredInMemory(t *testing.T) {
	a := open(t, postgrestest.URL(t), "")
	a.end("good")
	a.Keep = 0
	if err := a.End(t.Context(), "old", time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if !a.Has("old") {
		t.Error("not on the list at all")
	}
	a.Sweep(t.Context())
	if !a.Has("good") || a.Has("old") {
		t.Errorf("good %v, old %v", a.Has("good"), a.Has("old"))
	}
}

func BenchmarkHas(b *testing.B) {
	a := open(b, postgrestest.URL(b), "")
	a.end("one")
	b.ReportAllocs()
	for b.Loop() {
		if !a.Has("one") || a.Has("two") {
			b.Fatal("wrong")
		}
	}
}
