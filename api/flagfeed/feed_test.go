package flagfeed_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/flagfeed"
	"parley/api/flags"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// patience bounds every wait.
const patience = 2 * time.Minute

// node is the part of a node that knows flags.
type node struct {
	t testing.TB
	*flagfeed.Feed
	flags *flags.Registry
	store *postgres.Store
	conn  *nats.Conn
}

func start(t testing.TB, database, broker string) *node {
	t.Helper()
	log := natstest.Log(t)
	store, err := postgres.Open(t.Context(), database, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	reg, err := flags.New(func(string) string { return "" }, log)
	if err != nil {
		t.Fatal(err)
	}
	conn := natstest.Dial(t, broker, natsrelay.ConnOptions("test", log, nil)...)
	return &node{t, flagfeed.New(flagfeed.Options{Store: store, Registry: reg, Conn: conn, Log: log}), reg, store, conn}
}

// run keeps n up to date until the test ends. What is published from then on is heard.
func (n *node) run() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	before := n.conn.NumSubscriptions()
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(func() { cancel(); running.Wait() })
	for n.conn.NumSubscriptions() == before {
		if err := n.conn.Flush(); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := n.conn.Flush(); err != nil { // the server knows the subscription
		n.t.Fatal(err)
	}
}

// becomes waits until a flag is want on n.
func becomes[T comparable](n *node, f flags.Flag[T], room string, want T) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for {
		changed := n.flags.Changed()
		if f.For(n.flags, room) == want {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			n.t.Fatalf("%s stays %v", f.Name(), f.For(n.flags, room))
		}
	}
}

func (n *node) set(flag, room, value string) {
	n.t.Helper()
	c, err := n.Apply(n.t.Context(), flags.Order{Flag: flag, Room: room, Value: &value, By: "ada"})
	if err != nil || c == nil {
		n.t.Fatalf("set %s: %v, %v", flag, c, err)
	}
}

func TestChangesReachOtherNodesAtOnce(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	a, b := start(t, database, broker), start(t, database, broker)
	a.run()
	b.run()
	const rounds = 20
	var worst, sum time.Duration
	for i := range rounds {
		began := time.Now()
		on := i%2 == 0
		a.set("guests", "", map[bool]string{true: "yes", false: "no"}[on])
		if flags.Guests.Get(a.flags) != on {
			t.Fatal("a node does not have what it set")
		}
		becomes(b, flags.Guests, "", on)
		took := time.Since(began)
		worst, sum = max(worst, took), sum+took
	}
	t.Logf("from the request to the other node: mean %v, worst %v", sum/rounds, worst)
	a.set("chat", "standup", "false")
	becomes(b, flags.Chat, "standup", false)
	if !flags.Chat.For(b.flags, "other") {
		t.Error("the other room has it as well")
	}
}

func TestChangesArriveWithoutNATS(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	proxy, through := natstest.Through(t, broker)
	a, b := start(t, database, broker), start(t, database, through)
	a.run()
	b.run()
	proxy.Cut()
	const rounds = 4
	var worst, sum time.Duration
	for i := range rounds {
		began := time.Now()
		a.set("max_participants", "", []string{"7", "8"}[i%2])
		becomes(b, flags.MaxParticipants, "", 7+i%2)
		worst, sum = max(worst, time.Since(began)), sum+time.Since(began)
	}
	t.Logf("without NATS: mean %v, worst %v", sum/rounds, worst)
	// Who is cut off can change something as well.
	b.set("chat", "", "false")
	becomes(a, flags.Chat, "", false)
}

func TestValuesOutliveTheDatabase(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	proxy, through := natstest.Through(t, database)
	a, b := start(t, database, broker), start(t, through, broker)
	a.run()
	b.run()
	a.set("max_participants", "standup", "5")
	becomes(b, flags.MaxParticipants, "standup", 5)

	proxy.Cut()
	if _, err := b.Apply(t.Context(), flags.Order{Flag: "chat", Value: new("false"), By: "bob"}); err == nil {
		t.Error("a change was accepted without a database")
	}
	if err := b.Load(t.Context()); err == nil {
		t.Error("read without a database")
	}
	if !flags.Chat.Get(b.flags) || flags.MaxParticipants.For(b.flags, "standup") != 5 {
		t.Error("values were lost with the database")
	}
	a.set("max_participants", "standup", "6")
	if got := flags.MaxParticipants.For(b.flags, "standup"); got != 5 {
		t.Errorf("got %d from nowhere", got)
	}
	proxy.Heal()
	becomes(b, flags.MaxParticipants, "standup", 6)
}

func TestANodeStartsWithWhatIsSet(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	a := start(t, database, broker)
	a.set("transports", "", "websocket")
	b := start(t, database, broker)
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := flags.Transports.Get(b.flags); got != "websocket" {
		t.Errorf("transports %s", got)
	}
	// A flag of another version is none of our business, and no reason to refuse the rest.
	if _, err := a.store.ChangeFlag(t.Context(), flags.Order{Flag: "of_a_newer_node", Value: new("1"), By: "x"}); err != nil {
		t.Fatal(err)
	}
	a.set("chat", "", "0")
	if err := b.Load(t.Context()); err != nil || flags.Chat.Get(b.flags) {
		t.Errorf("chat %v, %v", flags.Chat.Get(b.flags), err)
	}
}

func TestWhatIsNotAChange(t *testing.T) {
	a := start(t, postgrestest.URL(t), natstest.URL(t))
	a.set("guests", "", "true")
	for _, o := range []flags.Order{
		{Flag: "guests", Value: new("YES"), By: "ada"},
		{Flag: "chat", By: "ada"},
	} {
		if c, err := a.Apply(t.Context(), o); c != nil || err != nil {
			t.Errorf("%+v: %+v, %v", o, c, err)
		}
	}
	log, err := a.Changes(t.Context(), "", 10, 0)
	if err != nil || log.Total != 1 {
		t.Errorf("%+v, %v", log, err)
	}
	for field, o := range map[string]flags.Order{
		"flag":   {Flag: "guest", Value: new("true")},
		"value":  {Flag: "guests", Value: new("maybe")},
		"room":   {Flag: "guests", Value: new("true"), Room: "a b"},
		"reason": {Flag: "guests", Reason: strings.Repeat("x", flagfeed.MaxReason+1)},
		"line":   {Flag: "guests", Reason: "two\nlines"},
	} {
		_, err := a.Apply(t.Context(), o)
		_, name := errors.AsType[*flags.UnknownError](err)
		_, value := errors.AsType[*flags.ValueError](err)
		other, ok := errors.AsType[*flags.FieldError](err)
		switch {
		case field == "flag" && name, field == "value" && value, ok && (field == other.Field || field == "line"):
		default:
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestNonsenseOnTheWireChangesNothing(t *testing.T) {
	database, broker := postgrestest.URL(t), natstest.URL(t)
	a, b := start(t, database, broker), start(t, database, broker)
	b.run()
	for _, text := range []string{"", "x", "-1", "99999999999999999999", "7", strings.Repeat("1", 4096)} {
		if err := a.conn.Publish("parley.flags", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	a.set("guests", "", "true")
	becomes(b, flags.Guests, "", true)
}
