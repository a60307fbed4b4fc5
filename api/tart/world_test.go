package tart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/jip3"
	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// patience bounds every wait.
const patience = 2 * time.Minute

// cores is how many cores nodes of tests say there are.
const cores = 16

var v1 = catalogue.Params{Version: 1, C: cores}

// world is a server for nodes, with an engine and a database of its own, and TART's routes.
type world struct {
	testing.TB
	t       *TART
	engine  *telemetry.Engine
	nodes   string // address for nodes
	url     string
	client  *http.Client
	counted uint64
	seen    *telemetry.Subscription
}

func newWorld(t testing.TB) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := archive.Open(t.Context(), postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	engine, err := telemetry.New(telemetry.Options{Store: store, Catalogues: []telemetry.Catalogue{catalogue.JIP3().ForEngine(), catalogue.Call().ForEngine()}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	nodes := jip3.New(jip3.Options{Ingest: engine, Log: log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(context.Background())
	serving, leave := context.WithCancel(context.Background())
	ended, left := make(chan error, 1), make(chan error, 1)
	go func() { ended <- engine.Run(running) }()    // the cleanup waits for both
	go func() { left <- nodes.Serve(serving, l) }() //
	t.Cleanup(func() {
		leave()
		err := <-left
		cancel()
		if err = errors.Join(err, <-ended); err != nil {
			t.Error(err)
		}
	})
	tart := New(Options{Engine: engine, Archive: store, Live: live.New(live.Options{Engine: engine, Archive: store, Log: log}), Nodes: nodes, Log: log, Version: "1.2.3"})
	mux := http.NewServeMux()
	for _, r := range tart.Routes() {
		mux.HandleFunc(r.Pattern, r.Serve)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &world{
		TB: t, t: tart, engine: engine, nodes: l.Addr().String(), url: server.URL, client: server.Client(),
		seen: engine.Subscribe(telemetry.Filter{}, nil),
	}
}

// get asks for a path below /api; the status must be as given.
func (w *world) get(path string, status int) object {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+"/api/"+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil || answer.StatusCode != status {
		w.Fatalf("%s: %d %s, want %d", path, answer.StatusCode, body, status)
	}
	return o
}

// connect connects a node, which sends events; it returns when all are on record.
func (w *world) connect(peer byte, events ...[]byte) net.Conn {
	w.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(w.Context(), "tcp", w.nodes)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		w.Fatal(err)
	}
	if _, err := conn.Write(hello(w, peer)); err != nil {
		w.Fatal(err)
	}
	w.introduced(conn)
	w.send(conn, events...)
	return conn
}

// introduced returns when it is on record who connected. The protocol has no answer to wait
// for, so this looks after each flush.
func (w *world) introduced(conn net.Conn) {
	w.Helper()
	for end := time.Now().Add(patience); ; {
		connected := w.t.o.Nodes.Connected()
		w.flush()
		if slices.ContainsFunc(connected, func(c jip3.Connected) bool { return c.Remote == conn.LocalAddr().String() }) {
			return
		}
		if time.Now().After(end) {
			w.Fatal("a node does not come in")
		}
	}
}

// send sends events and returns when all are on record.
func (w *world) send(conn net.Conn, events ...[]byte) {
	w.Helper()
	if _, err := conn.Write(bytes.Join(events, nil)); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	w.counted += uint64(len(events))
	for w.counted > 0 {
		news, err := w.seen.Next(ctx)
		if err != nil {
			w.Fatalf("%d events are missing: %v", w.counted, err)
		}
		w.counted -= uint64(len(news.Events)) + news.Lagged
	}
	w.flush()
}

func (w *world) flush() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	if err := w.engine.Flush(ctx); err != nil {
		w.Fatal(err)
	}
}

// leave ends the connection of a node, and returns when that is on record.
func (w *world) leave(conn net.Conn) {
	w.Helper()
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		w.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		w.Fatal(err)
	}
	w.flush()
}

// hello is how a node introduces itself.
func hello(t testing.TB, peer byte) []byte {
	t.Helper()
	values := map[string]any{}
	for i, name := range chain {
		values[name] = i
	}
	values["core_count"], values["slot_period_sec"] = cores, 6
	b, err := kinds.Hello.Encode(nil, v1, map[string]any{
		"protocol_version": 1, "params": values, "genesis": bytes.Repeat([]byte{9}, 32),
		"details": map[string]any{"peer_id": bytes.Repeat([]byte{peer}, 32), "peer_address": map[string]any{"ipv6": "10.1.2.3", "port": 30333}},
		"flags":   1, "implementation_name": fmt.Sprintf("test-node-%d", peer), "implementation_version": "1.0.0", "gp_version": "0.7", "additional_info": "note",
	})
	if err != nil {
		t.Fatal(err)
	}
	return jip3.AppendMessage(nil, b)
}

// happening is an event as a node sends it, of a time after made.
func happening(t testing.TB, after time.Duration, name string, fields map[string]any) []byte {
	t.Helper()
	k := kinds.Named(name)
	b, err := k.Encode(nil, v1, fields)
	if err != nil {
		t.Fatal(err)
	}
	return jip3.AppendEvent(nil, kinds.Micros(made.Add(after)), byte(k.Number), b)
}

// made is the time of events of tests.
var made = time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)

func best(t testing.TB, slot int, fill byte) []byte {
	return happening(t, time.Duration(slot)*time.Second, "BestBlockChanged", map[string]any{"slot": slot, "hash": bytes.Repeat([]byte{fill}, 32)})
}

func finalized(t testing.TB, slot int, fill byte) []byte {
	return happening(t, time.Duration(slot)*time.Second, "FinalizedBlockChanged", map[string]any{"slot": slot, "hash": bytes.Repeat([]byte{fill}, 32)})
}

func synced(t testing.TB, yes bool) []byte {
	return happening(t, 0, "SyncStatusChanged", map[string]any{"synced": yes})
}

func status(t testing.TB, peers int, shards uint64) []byte {
	return happening(t, 0, "Status", map[string]any{
		"num_peers": peers, "num_val_peers": 5, "num_sync_peers": 8, "num_guarantees": make([]byte, cores),
		"num_shards": shards, "shards_size": uint64(1) << 60, "num_preimages": 3, "preimages_size": 7,
	})
}

// identity is the id of a node.
func identity(peer byte) string { return strings.Repeat(fmt.Sprintf("%02x", peer), 32) }

// events returns what a list has, as their data.
func events(o object) []object {
	var all []object
	for _, e := range o["events"].([]any) {
		all = append(all, e.(object))
	}
	return all
}

// types lists the kinds of events.
func types(o object) string {
	var all []any
	for _, e := range events(o) {
		all = append(all, e["event_type"])
	}
	return fmt.Sprint(all)
}

// expect compares some fields.
func (w *world) expect(got object, want object) {
	w.Helper()
	for key, v := range want {
		if g := got[key]; g != v {
			w.Errorf("%s is %v, want %v", key, g, v)
		}
	}
}

// has checks that fields are there.
func (w *world) has(got object, fields ...string) {
	w.Helper()
	for _, f := range fields {
		if _, ok := got[f]; !ok {
			w.Errorf("no %s in %v", f, got)
		}
	}
}
