package tart

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// viewer is a client of the socket.
type viewer struct {
	*world
	conn *websocket.Conn
	ctx  context.Context
}

// view opens the socket; path may add a query.
func (w *world) view(query string) *viewer {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"/api/ws"+query, nil)
	if err != nil {
		w.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	w.Cleanup(func() { _ = conn.CloseNow() })
	return &viewer{w, conn, ctx}
}

// next returns the next message.
func (v *viewer) next() object {
	v.Helper()
	var m object
	if err := wsjson.Read(v.ctx, v.conn, &m); err != nil {
		v.Fatal(err)
	}
	v.has(m, "timestamp")
	return m
}

// until returns the data of the next message of a type. Events before it are a mistake.
func (v *viewer) until(kind string) object {
	v.Helper()
	for {
		m := v.next()
		if m["type"] == kind {
			return m["data"].(object)
		}
		if m["type"] == "event" {
			v.Errorf("%v before %s", m["data"], kind)
		}
	}
}

func (v *viewer) say(text string) {
	v.Helper()
	if err := v.conn.Write(v.ctx, websocket.MessageText, []byte(text)); err != nil {
		v.Fatal(err)
	}
}

// TestContractOfTARTsSocket has a subtest for each test of the socket there, by its name.
func TestContractOfTARTsSocket(t *testing.T) {
	w := newWorld(t)
	node := w.connect(1, best(t, 1, 1), best(t, 2, 1))
	t.Run("test_ws_connect", func(t *testing.T) {
		first := w.view("").next()
		data := first["data"].(object)
		w.expect(first, object{"type": "connected"})
		w.expect(data, object{"recent_events": 2.0, "total_nodes": 1.0})
		w.has(data, "message", "broadcaster_stats")
		sample := data["recent_event_samples"].([]any)
		if len(sample) != 2 {
			t.Fatal(sample)
		}
		if first, last := sample[0].(object)["id"].(float64), sample[1].(object)["id"].(float64); first >= last {
			t.Errorf("ids %v and %v", first, last)
		}
		w.expect(sample[1].(object), object{"node_id": identity(1), "event_type": 11.0, "timestamp": "2026-02-03T04:05:08.000007Z"})
	})
	t.Run("test_websocket_connection", func(t *testing.T) {
		v := w.view("")
		w.expect(v.until("connected"), object{"total_nodes": 1.0})
		w.leave(w.connect(8))
		v.say(`{"type":"ping"}`)
		v.until("error") // orders are spelt as in Ping
		v.say(`{"type":"Ping"}`)
		v.until("pong")
	})
	t.Run("test_ws_ping_pong", func(t *testing.T) {
		v := w.view("")
		v.say(`{"type":"Ping"}`)
		w.has(v.until("pong"), "events_received", "uptime_ms")
	})
	t.Run("test_ws_subscribe_all", func(t *testing.T) {
		v := w.view("")
		v.say(`{"type":"Subscribe","filter":{"type":"All"}}`)
		w.expect(v.until("subscribed")["filter"].(object), object{"type": "All"})
		w.send(node, finalized(t, 1, 7))
		e := v.pick("event")
		w.expect(e, object{"node_id": identity(1), "event_type": 12.0, "event_id": 2.0})
		w.expect(e["event"].(object)["FinalizedBlockChanged"].(object), object{"slot": 1.0, "hash": identity(7)})
		v.say(`{"type":"Ping"}`)
		w.expect(v.until("pong"), object{"events_received": 1.0})
	})
	t.Run("test_ws_get_recent_events", func(t *testing.T) {
		v := w.view("?bytes=array")
		v.say(`{"type":"GetRecentEvents","limit":2}`)
		recent := v.until("recent_events")
		w.expect(recent, object{"count": 2.0})
		last := recent["events"].([]any)[1].(object)
		w.expect(last, object{"event_type": 12.0, "node_id": identity(1)})
		if hash := last["event"].(object)["FinalizedBlockChanged"].(object)["hash"].([]any); len(hash) != 32 || hash[0] != 7.0 {
			t.Error(hash)
		}
	})
	t.Run("test_ws_stats_updates", func(t *testing.T) {
		v := w.view("")
		v.until("connected")
		stats := v.until("stats")
		w.expect(stats["database"].(object), object{"best_block": 2.0})
		w.expect(stats["connections"].(object), object{"total": 1.0})
		w.expect(stats["websocket"].(object)["current_filter"].(object), object{"type": "All"})
		w.has(stats["broadcaster"].(object), "total_events_broadcast", "active_subscribers", "events_in_buffer", "dropped_events")
	})
}

// pick is until, whatever comes before.
func (v *viewer) pick(kind string) object {
	v.Helper()
	for {
		if m := v.next(); m["type"] == kind {
			return m["data"].(object)
		}
	}
}

// Filters hold: what they do not want does not come.
func TestFiltersOfSockets(t *testing.T) {
	w := newWorld(t)
	a, b := w.connect(1), w.connect(2)
	v := w.view("")
	for filter, want := range map[string]int{
		`{"type":"Node","node_id":"` + strings.ToUpper(identity(2)) + `"}`: 11,
		`{"type":"EventType","event_type":12}`:                             12,
		`{"type":"EventTypeRange","start":12,"end":13}`:                    12,
	} {
		v.say(`{"type":"Subscribe","filter":` + filter + `}`)
		v.until("subscribed")
		w.send(a, best(t, 1, 1), best(t, 2, 1))
		if want == 11 {
			w.send(b, best(t, 3, 1))
		} else {
			w.send(a, finalized(t, 1, 1))
		}
		if e := v.pick("event"); e["event_type"] != float64(want) || want == 11 && e["node_id"] != identity(2) {
			t.Errorf("%s: %v", filter, e)
		}
	}
	v.say(`{"type":"Unsubscribe"}`)
	v.until("unsubscribed")
	w.send(a, unknown)
	w.expect(v.pick("event")["event"].(object)["Unknown"].(object), object{"raw": "beef"})
	for _, nonsense := range []string{`{`, `{"type":"Subscribe","filter":{"type":"Luck"}}`, `{"type":"Subscribe","filter":{"type":"EventType"}}`, `{"type":"Sing"}`} {
		v.say(nonsense)
		v.until("error")
	}
}

func TestMetricsAndAlertsOfSockets(t *testing.T) {
	w := busy(t)
	v := w.view("")
	v.say(`{"type":"SubscribeMetrics","interval_ms":1}`)
	w.expect(v.until("metrics_subscribed"), object{"interval_ms": 500.0})
	m := v.until("metrics")
	w.expect(m, object{"latest_slot": 8.0, "finalized_slot": 5.0})
	w.has(m, "active_nodes", "events_per_second", "blocks_per_second", "active_work_packages", "failure_rate", "throughput")
	v.say(`{"type":"UnsubscribeMetrics"}`)
	v.until("metrics_unsubscribed")

	failed := happening(t, 0, "ConnectOutFailed", object{"connecting_id": 0, "reason": "no"})
	late := w.connect(3, append([][]byte{happening(t, 0, "Dropped", object{"last_timestamp": 1, "num": 7}), best(t, 50, 1)}, repeat(failed, 200)...)...)
	defer late.Close()
	v.say(`{"type":"SubscribeAlerts"}`)
	v.pick("alerts_subscribed")
	alerts := v.pick("alert")
	seen := map[string]object{}
	for _, a := range alerts["alerts"].([]any) {
		seen[a.(object)["type"].(string)] = a.(object)
	}
	w.expect(alerts, object{"count": 4.0})
	w.expect(seen["high_failure_rate"]["details"].(object), object{"failures": 201.0})
	w.expect(seen["dropped_events"]["details"].(object), object{"dropped_count": 7.0})
	w.has(seen["node_behind"], "node_id", "message", "severity", "timestamp")
	v.say(`{"type":"UnsubscribeAlerts"}`)
	v.pick("alerts_unsubscribed")
}

func repeat(b []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}

// Those beyond the limit are refused, and places come free.
func TestSocketsAreLimited(t *testing.T) {
	w := newWorld(t)
	w.t.o.Sockets = 1
	first := w.view("")
	first.until("connected")
	_, answer, err := websocket.Dial(first.ctx, strings.Replace(w.url, "http", "ws", 1)+"/api/ws", nil)
	if err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%v %v", answer, err)
	}
	if err := first.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	for w.t.sockets.Load() > 0 && first.ctx.Err() == nil {
		w.flush() // until the server has noticed
	}
	w.view("").until("connected")
}
