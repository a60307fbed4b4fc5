package app_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"parley/api/app"
	"parley/api/client"
	"parley/api/config"
	"parley/api/flags"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
	"parley/api/postgres/postgrestest"
	"parley/api/token"
	callv1 "parley/protobuf/call/v1"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

const secret = "test-secret-for-integration-tests"

// patience bounds every wait: far beyond what anything takes, short enough to read why.
const patience = 2 * time.Minute

// cluster is what the nodes of one test share.
type cluster struct {
	t        *testing.T
	database string
	nats     string
	tokens   *token.Authority
	env      map[string]string // of nodes that start, beside what they need
	mode     config.Mode       // of nodes that start

	mu    sync.Mutex
	names map[uint64]string // of sessions
}

func newCluster(t *testing.T) *cluster {
	return &cluster{
		t: t, database: postgrestest.URL(t), nats: natstest.URL(t), tokens: token.New(secret),
		names: make(map[uint64]string), mode: config.Dev,
	}
}

// node is a whole node in this process.
type node struct {
	*cluster
	config.Ready
	flags *flags.Registry
	stop  func() error
}

// start runs a node until the test ends; features are NAME=VALUE.
func (c *cluster) start(features ...string) *node {
	c.t.Helper()
	env := map[string]string{
		"PARLEY_HTTP_ADDR": "127.0.0.1:0", "PARLEY_WEBTRANSPORT_ADDR": "127.0.0.1:0", "PARLEY_TELEMETRY_ADDR": "127.0.0.1:0",
		"PARLEY_DATA_DIR": c.t.TempDir(), "DATABASE_URL": c.database, "NATS_URL": c.nats, "JWT_SECRET": secret,
		"QUIC_MAX_IDLE_TIMEOUT_SECS": "60", // nothing is sent while a machine has too much to do
	}
	for _, budget := range []string{"SESSION_PACKET", "SESSION_KBIT", "BUSY_PACKET", "BUSY_KBIT"} {
		env["FEATURE_"+budget+"_BUDGET"] = "1000000" // tests say again and again what they wait for
	}
	maps.Copy(env, c.env)
	for _, f := range features {
		name, value, _ := strings.Cut(f, "=")
		env["FEATURE_"+strings.ToUpper(name)] = value
	}
	getenv := func(name string) string { return env[name] }
	cfg, err := config.Parse(nil, getenv, c.mode)
	if err != nil {
		c.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	reg, err := flags.New(getenv, log)
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{cluster: c, flags: reg}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan config.Ready, 1)
	ended := make(chan error, 1)
	go func() { // stop waits for it
		ended <- app.Run(ctx, app.Options{
			Config: cfg, Mode: c.mode, Flags: reg, Log: log, Ready: func(r config.Ready) { ready <- r },
		})
	}()
	n.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	select {
	case n.Ready = <-ready:
	case err := <-ended:
		c.t.Fatalf("node: %v", err)
	}
	c.t.Cleanup(func() {
		if err := n.stop(); err != nil {
			c.t.Errorf("stop node: %v", err)
		}
	})
	return n
}

// guest is one connection.
type guest struct {
	*client.Client
	c    *cluster
	name string
	ctx  context.Context
	id   uint64

	order  client.Order
	due    []client.Packet // in order, to be received
	at     media.Position  // of the last event
	events []string        // all that have a number: "<number> <what>"
}

// way is a transport to connect over.
type way string

const (
	overWS  way = "websocket"
	overWT  way = "webtransport"
	overTLS way = "websocket over TLS" // the TCP twin of the WebTransport port
)

// address returns the base URL of n for a transport.
func (n *node) address(over way) string {
	switch over {
	case overWT:
		return n.WebTransport
	case overTLS:
		return "wss" + strings.TrimPrefix(n.WebTransport, "https")
	}
	return "ws" + strings.TrimPrefix(n.HTTP, "http")
}

var insecure = &tls.Config{InsecureSkipVerify: true} // the node's certificate is its own

// dial connects to a path of n.
func (n *node) dial(over way, path string) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, n.address(over)+path, client.Options{TLS: insecure})
	if err == nil {
		n.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// connect opens a session by the path endpoint and reads its number. The name is "user" or
// "user/connection".
func (n *node) connect(over way, name, room string) *guest {
	n.t.Helper()
	user, _, _ := strings.Cut(name, "/")
	return n.enter(over, name, "/lobby/"+user+"/"+room)
}

// connectWith opens a session with a room token.
func (n *node) connectWith(over way, name string, r token.Room) *guest {
	n.t.Helper()
	return n.enter(over, name, "/lobby?token="+url.QueryEscape(n.token(r, time.Minute)))
}

func (c *cluster) token(r token.Room, ttl time.Duration) string {
	c.t.Helper()
	t, err := c.tokens.MintRoom(r, ttl)
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

func (n *node) enter(over way, name, path string) *guest {
	n.t.Helper()
	conn, err := n.dial(over, path)
	if err != nil {
		n.t.Fatalf("%s: %v", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	n.t.Cleanup(cancel)
	g := &guest{Client: conn, c: n.cluster, name: name, ctx: ctx}
	if g.id, err = conn.Session(ctx); err != nil {
		n.t.Fatalf("%s: session number: %v", name, err)
	}
	n.mu.Lock()
	n.names[g.id] = name
	n.mu.Unlock()
	return g
}

// join connects and becomes active; it returns once the server has taken that in.
func (n *node) join(over way, name, room string) *guest {
	n.t.Helper()
	g := n.connect(over, name, room)
	g.send(mediatest.Heartbeat())
	g.sync()
	return g
}

func (g *guest) send(packet []byte) {
	g.c.t.Helper()
	if err := g.Send(g.ctx, packet); err != nil {
		g.c.t.Fatalf("%s: send: %v", g.name, err)
	}
}

// next returns the next packet, with the events in their order.
func (g *guest) next() client.Packet {
	g.c.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	defer cancel()
	p, err := g.receive(ctx)
	if err != nil {
		g.c.t.Fatalf("%s: receive: %v", g.name, err)
	}
	return p
}

func (g *guest) receive(ctx context.Context) (client.Packet, error) {
	for len(g.due) == 0 {
		p, err := g.Receive(ctx)
		if err != nil {
			return client.Packet{}, err
		}
		g.due = g.order.Next(p)
	}
	p := g.due[0]
	g.due = g.due[1:]
	g.follow(p.Data)
	return p, nil
}

// until reads up to a packet described by want and returns what came before.
func (g *guest) until(want string) []string {
	g.c.t.Helper()
	var before []string
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	defer cancel()
	for {
		p, err := g.receive(ctx)
		if err != nil {
			g.c.t.Fatalf("%s: %v while waiting for %q; heard %q", g.name, err, want, before)
		}
		text := g.c.describe(p.Data)
		if text == want {
			return before
		}
		before = append(before, text)
	}
}

func (c *cluster) describe(packet []byte) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return mediatest.Describe(packet, c.names)
}

// follow checks that the numbers of events are without a gap.
func (g *guest) follow(packet []byte) {
	g.c.t.Helper()
	at, caughtUp := mediatest.PositionOf(packet)
	if at.Number == 0 {
		if what := g.c.describe(packet); strings.HasPrefix(what, "joined ") || strings.HasPrefix(what, "left ") {
			g.events = append(g.events, "0 "+what) // to a newcomer, or while the log is slow
		}
		return
	}
	next := at.Epoch != g.at.Epoch && at.Number == 1 || // the log was lost
		at.Epoch == g.at.Epoch && (at.Number == g.at.Number+1 || caughtUp && at.Number == g.at.Number)
	if g.at.Number != 0 && !next {
		g.c.t.Errorf("%s is told event %v (%s) after %v", g.name, at, g.c.describe(packet), g.at)
	}
	g.at = at
	if !caughtUp {
		g.events = append(g.events, fmt.Sprintf("%d %s", at.Number, g.c.describe(packet)))
	}
}

// sync returns what came before the echo of a probe: everything the server had sent so far
// over a WebSocket, and nearly all of it over WebTransport.
func (g *guest) sync() []string {
	g.c.t.Helper()
	g.send(mediatest.Probe())
	return g.until("rtt from ?")
}

// media returns those of heard that are not about the meeting.
func about(heard []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(heard), func(h string) bool { return !strings.Contains(h, word) })
}

// sql returns one value of the database.
func sql[T any](c *cluster, query string, args ...any) T {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(c.t.Context()))
	var v T
	if err := conn.QueryRow(c.t.Context(), query, args...).Scan(&v); err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	return v
}

// eventually waits until a query yields want. Rows change after the event that tests could
// wait for, so this asks again until they have, each time over a new connection.
func eventually[T comparable](c *cluster, want T, query string, args ...any) {
	c.t.Helper()
	var got T
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if got = sql[T](c, query, args...); got == want {
			return
		}
	}
	c.t.Errorf("%s: still %v, want %v", query, got, want)
}

const activeCount = "select count(*) from session_participants where room_id = $1 and left_at is null"

// newRoom returns a room that no other test uses.
func newRoom() string { return natstest.Name("room") }

func mustParse(t *testing.T, packet []byte) *callv1.PacketWrapper {
	t.Helper()
	var w callv1.PacketWrapper
	if err := proto.Unmarshal(packet, &w); err != nil {
		t.Fatal(err)
	}
	return &w
}
