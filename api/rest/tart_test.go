package rest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

// peer returns the identity of a node.
func peer(n byte) string { return strings.Repeat(hex.EncodeToString([]byte{n}), 32) }

// chainNode begins a session of a node of a chain with two cores.
func chainNode(t *testing.T, e *telemetry.Engine, n byte) telemetry.Feed {
	t.Helper()
	feed, err := e.Begin(t.Context(), telemetry.Source{
		Catalogue: "jip3", Identity: peer(n), Version: 1,
		Labels:     map[string]string{"implementation_name": fmt.Sprint("test-node-", n), "implementation_version": "1.0", "remote": "192.0.2.1:40000"},
		Parameters: map[string]uint64{"core_count": 2, "block_gas_limit": 1<<64 - 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// chainEvent records an event at so many microseconds after the beginning of the chain's time.
func chainEvent(t *testing.T, feed telemetry.Feed, seq, micros uint64, name string, fields map[string]any) {
	t.Helper()
	c, p := catalogue.JIP3(), catalogue.Params{Version: 1, C: 2}
	k := c.Named(name)
	body, err := k.Encode(nil, p, fields)
	if err != nil {
		t.Fatal(err)
	}
	var f catalogue.Found
	if err := k.Scan(p, body, &f); err != nil {
		t.Fatal(err)
	}
	at, _ := c.At(micros)
	feed.Record(telemetry.Record{Kind: k.Number, Seq: seq, At: at, Link: f.Link, Linked: f.Linked, Hot: k.Hot(&f, nil), Raw: body})
}

func block(slot uint64) map[string]any {
	return map[string]any{"slot": slot, "hash": strings.Repeat(fmt.Sprintf("%02x", slot), 32)}
}

// tart asks one of TART's routes as nobody.
func (w world) tart(path string, status int) object {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), "GET", w.url+"/api/"+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		w.Fatalf("%s: %d %s, %v; want %d", path, answer.StatusCode, body, err, status)
	}
	var o object
	if status == 200 || len(body) > 0 {
		if err := json.Unmarshal(body, &o); err != nil {
			w.Fatalf("%s: %s, %v", path, body, err)
		}
	}
	return o
}

func flushed(t *testing.T, e *telemetry.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestTartHealth(t *testing.T) {
	w, _ := newTelemetryWorld(t)
	w.expect(w.tart("health", 200), object{"status": "ok", "service": "tart-backend"})
	w.has(w.tart("health", 200), "version")
	detailed := w.tart("health/detailed", 200)
	w.expect(detailed["summary"].(object), object{"total_components": 2.0})
	w.has(detailed, "status", "components", "uptime_seconds", "timestamp", "version")
	w.has(detailed["components"].(object), "database", "batch_writer")
}

func TestTartWithoutNodes(t *testing.T) {
	w, _ := newTelemetryWorld(t)
	if nodes := w.tart("nodes", 200)["nodes"].([]any); len(nodes) != 0 {
		t.Errorf("%v", nodes)
	}
	w.expect(w.tart("events", 200), object{"has_more": false})
	w.tart("nodes/"+peer(0xff), 404)
	w.tart("nodes/short", 400)
	w.tart("nodes/short/events", 400)
	for _, bad := range []string{"stats?duration=2h", "events?limit=x", "events/search?event_types=300", "events/search?start_time=now", "metrics/timeseries?metric=luck", "metrics/realtime?seconds=x"} {
		w.tart(bad, 400)
	}
	for _, path := range []string{"stats", "metrics/live", "metrics/realtime", "metrics/timeseries"} {
		w.tart(path, 200)
	}
}

func TestTartNodes(t *testing.T) {
	w, e := newTelemetryWorld(t)
	a, b := chainNode(t, e, 1), chainNode(t, e, 2)
	chainEvent(t, b, 0, 1, "SyncStatusChanged", map[string]any{"synced": true})
	a.End("left")
	flushed(t, e)
	nodes := w.tart("nodes", 200)["nodes"].([]any)
	if len(nodes) != 2 {
		t.Fatalf("%d nodes", len(nodes))
	}
	first := nodes[0].(object) // connected first
	w.expect(first, object{"node_id": peer(2), "peer_id": peer(2), "implementation_name": "test-node-2", "implementation_version": "1.0", "is_connected": true, "event_count": 1.0})
	w.has(first, "connected_at", "last_seen_at", "disconnected_at")
	w.expect(first["node_info"].(object)["params"].(object), object{"block_gas_limit": "18446744073709551615", "core_count": 2.0})
	w.expect(nodes[1].(object), object{"is_connected": false, "event_count": 0.0})
	one := w.tart("nodes/"+strings.ToUpper(peer(2)), 200)
	w.expect(one["connection_info"].(object), object{"address": "192.0.2.1:40000", "event_count": 1.0})
	w.expect(w.tart("nodes/"+peer(1), 200), object{"connection_info": nil})
	// It comes back.
	chainNode(t, e, 1)
	flushed(t, e)
	again := w.tart("nodes/"+peer(1), 200)
	w.expect(again, object{"is_connected": true})
	if again["disconnected_at"] != nil {
		t.Errorf("%v", again)
	}
}

func TestTartEvents(t *testing.T) {
	w, e := newTelemetryWorld(t)
	a, b := chainNode(t, e, 1), chainNode(t, e, 2)
	chainEvent(t, a, 0, 3_000_000, "BestBlockChanged", block(7))
	chainEvent(t, a, 1, 2_000_000, "FinalizedBlockChanged", block(5))
	chainEvent(t, b, 0, 1_000_000, "SyncStatusChanged", map[string]any{"synced": true})
	flushed(t, e)
	events := w.tart("events", 200)["events"].([]any)
	if len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
	first := events[0].(object)
	w.expect(first, object{"node_id": peer(1), "event_id": 0.0, "event_type": 11.0, "timestamp": "2025-01-01T12:00:03.000000Z", "node_name": "test-node-1", "node_version": "1.0"})
	w.expect(first["data"].(object)["BestBlockChanged"].(object), object{"timestamp": 3_000_000.0, "slot": 7.0, "hash": strings.Repeat("07", 32)})
	w.expect(events[2].(object), object{"event_type": 13.0})
	if got := w.tart("nodes/"+peer(2)+"/events", 200)["events"].([]any); len(got) != 1 || got[0].(object)["event_type"] != 13.0 {
		t.Errorf("%v", got)
	}
	a.Record(telemetry.Record{Kind: 250, Seq: 1<<63 + 1, At: time.Now(), Raw: []byte{0xca, 0xfe}})
	flushed(t, e)
	search := w.tart("events/search?event_types=250,251&node_id="+peer(1), 200)
	w.expect(search, object{"total": 1.0, "limit": 50.0, "offset": 0.0, "has_more": false})
	strange := search["events"].([]any)[0].(object)
	w.expect(strange, object{"event_id": "9223372036854775809", "event_type": 250.0})
	w.expect(strange["data"].(object)["Unknown"].(object), object{"raw": "cafe"})
	for query, want := range map[string]int{
		"wp_hash=" + strings.Repeat("07", 32): 1, "wp_hash=0x" + strings.Repeat("07", 32): 1, "core_index=3": 0, "event_types=11,12": 2,
		"end_time=2020-01-01T00:00:00Z&start_time=2019-01-01T00:00:00Z": 0, "start_time=2019-01-01T00:00:00Z": 4,
	} {
		if got := w.tart("events/search?"+query, 200)["events"].([]any); len(got) != want {
			t.Errorf("%s: %d events", query, len(got))
		}
	}
	stats := w.tart("stats?duration=5m", 200)
	w.expect(stats, object{"total_blocks_authored": 0.0, "best_block": 7.0, "finalized_block": 5.0})
	live := w.tart("metrics/live", 200)
	w.expect(live, object{"latest_slot": 7.0, "finalized_slot": 5.0, "active_nodes": 2.0})
	w.expect(live["last_1m"].(object), object{"events": 4.0, "finalized": 1.0})
	realtime := w.tart("metrics/realtime?seconds=60", 200)
	w.expect(realtime, object{"window_seconds": 60.0})
	if data := realtime["data"].([]any); len(data) != 60 {
		t.Errorf("%d seconds", len(data))
	}
	w.expect(realtime["totals"].(object), object{"events": 4.0})
	series := w.tart("metrics/timeseries?metric=events&interval=60", 200)
	w.expect(series["data"].([]any)[0].(object), object{"count": 4.0})
}

func TestTartPages(t *testing.T) {
	w, e := newTelemetryWorld(t)
	node := chainNode(t, e, 5)
	for i := range uint64(10) {
		chainEvent(t, node, i, 1_000_000*i, "BestBlockChanged", block(i))
	}
	flushed(t, e)
	for query, want := range map[string]struct {
		count int
		more  bool
	}{"limit=5": {5, true}, "limit=5&offset=5": {5, false}, "limit=5&offset=10": {0, false}, "limit=0": {1, true}, "limit=10": {10, false}} {
		page := w.tart("events?"+query, 200)
		if len(page["events"].([]any)) != want.count || page["has_more"] != want.more {
			t.Errorf("%s: %d events, more %v", query, len(page["events"].([]any)), page["has_more"])
		}
	}
}

func TestTartSocket(t *testing.T) {
	w, e := newTelemetryWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"/api/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	until := func(kind string) object {
		t.Helper()
		for {
			var m object
			if err := wsjson.Read(ctx, conn, &m); err != nil {
				t.Fatal(err)
			}
			if m["type"] == kind {
				data, _ := m["data"].(object)
				return data
			}
		}
	}
	say := func(text string) {
		t.Helper()
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if m := until("connected"); m["message"] == "" {
		t.Errorf("%v", m)
	}
	say(`{"type":"Ping"}`)
	w.has(until("pong"), "events_received", "uptime_ms")
	say(`{"type":"Subscribe","filter":{"type":"EventTypeRange","start":12,"end":13}}`)
	until("subscribed")
	a, b := chainNode(t, e, 1), chainNode(t, e, 2)
	chainEvent(t, a, 0, 1, "BestBlockChanged", block(1))
	chainEvent(t, a, 1, 1, "FinalizedBlockChanged", block(1))
	m := until("event")
	w.expect(m, object{"node_id": peer(1), "event_type": 12.0})
	w.has(m["event"].(object), "FinalizedBlockChanged")
	say(`{"type":"Subscribe","filter":{"type":"Node","node_id":"` + peer(2) + `"}}`)
	until("subscribed")
	chainEvent(t, a, 2, 1, "FinalizedBlockChanged", block(2))
	chainEvent(t, b, 0, 1, "FinalizedBlockChanged", block(2))
	w.expect(until("event"), object{"node_id": peer(2)})
	flushed(t, e)
	say(`{"type":"GetRecentEvents","limit":10}`)
	w.expect(until("recent_events"), object{"count": 1.0}) // of the node that is subscribed to
	say(`{"type":"Unsubscribe"}`)
	until("unsubscribed")
	say(`{"type":"SubscribeMetrics","interval_ms":1}`)
	w.expect(until("metrics_subscribed"), object{"interval_ms": 500.0})
	w.expect(until("metrics"), object{"latest_slot": 1.0, "active_nodes": 2.0})
	say(`{"type":"UnsubscribeMetrics"}`)
	until("metrics_unsubscribed")
	w.has(until("stats"), "database", "broadcaster", "connections", "websocket")
	for _, nonsense := range []string{`{`, `{"type":"Subscribe","filter":{"type":"Luck"}}`, `{"type":"EventType"}`} {
		say(nonsense)
		until("error")
	}
}

func TestTartIsForAdminsUnlessItIsOpen(t *testing.T) {
	var access Access
	a, _ := newAdminAPI(t)
	a.Telemetry.Tart = func() Access { return access }
	for _, path := range []string{"/api/health", "/api/nodes", "/api/ws"} {
		wantProblem(t, asRoot(t, a, "GET", path, ""), 404, "NOT_FOUND")
	}
	access.On = true
	wantProblem(t, call(a, "GET", "/api/health", ""), 401, "UNAUTHORIZED")
	wantProblem(t, call(a, "GET", "/api/health", "", "Authorization", bearer(t, "ada", "Ada")), 403, "FORBIDDEN")
	if w := asRoot(t, a, "GET", "/api/health", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	access.Open = true
	if w := call(a, "GET", "/api/health", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

func TestTartManyAtOnce(t *testing.T) {
	w, e := newTelemetryWorld(t)
	chainEvent(t, chainNode(t, e, 1), 0, 1, "BestBlockChanged", block(1))
	flushed(t, e)
	var askers sync.WaitGroup
	for range 10 {
		for _, path := range []string{"nodes", "events"} {
			askers.Go(func() {
				answer, err := w.client.Get(w.url + "/api/" + path)
				if err != nil || answer.StatusCode != 200 {
					t.Errorf("%s: %v, %v", path, answer, err)
					return
				}
				answer.Body.Close()
			})
		}
	}
	askers.Wait()
}
