package tart

import (
	"fmt"
	"sync"
	"testing"
)

// TestContractOfTARTsRoutes has a subtest for each test of these routes there, by its name. They
// read back what nodes sent.
func TestContractOfTARTsRoutes(t *testing.T) {
	t.Run("test_health_endpoint", func(t *testing.T) {
		w := newWorld(t)
		w.expect(w.get("health", 200), object{"status": "ok", "service": "tart-backend", "version": "1.2.3"})
	})
	t.Run("test_detailed_health", func(t *testing.T) {
		w := newWorld(t)
		w.connect(1, synced(w, true))
		o := w.get("health/detailed", 200)
		w.expect(o, object{"status": "Healthy", "version": "1.2.3"})
		w.has(o, "timestamp", "uptime_seconds", "database_size_bytes")
		w.expect(o["summary"].(object), object{"total_components": 3.0, "healthy_components": 3.0, "degraded_components": 0.0, "unhealthy_components": 0.0})
		parts := o["components"].(object)
		w.expect(parts["telemetry_server"].(object)["metrics"].(object), object{"connections": 1.0})
		w.expect(parts["batch_writer"].(object)["metrics"].(object), object{"pending": 0.0, "flushed": 1.0})
		w.has(parts["database"].(object), "name", "status", "last_check", "metrics")
		for name, p := range parts { // tart-dash reads no answer with a message that is null
			w.expect(p.(object), object{"name": name, "message": "OK"})
		}
	})
	t.Run("test_nodes_endpoint_empty", func(t *testing.T) {
		w := newWorld(t)
		if got := w.get("nodes", 200)["nodes"].([]any); len(got) != 0 {
			t.Error(got)
		}
	})
	t.Run("test_nodes_endpoint_with_connections", func(t *testing.T) {
		w := newWorld(t)
		w.connect(1)
		gone := w.connect(2, synced(w, true))
		all := w.get("nodes", 200)["nodes"].([]any)
		if len(all) != 2 {
			t.Fatal(all)
		}
		for i, n := range all {
			n := n.(object)
			id := n["node_id"].(string)
			w.expect(n, object{
				"peer_id": id, "implementation_version": "1.0.0", "is_connected": true, "disconnected_at": nil,
				"event_count": map[string]float64{identity(1): 0, identity(2): 1}[id],
			})
			w.has(n, "connected_at", "last_seen_at", "address", "implementation_name")
			if _, is := n["connected_at"].(string); !is || id != identity(1) && id != identity(2) {
				t.Errorf("node %d: %v", i, n)
			}
			info := n["node_info"].(object)
			w.expect(info, object{"genesis": identity(9), "gp_version": "0.7", "additional_info": "note", "flags": 1.0})
			w.expect(info["params"].(object), object{"core_count": 16.0, "epoch_tail_start": 32.0})
			w.expect(info["details"].(object)["peer_address"].(object), object{"ipv6": "10.1.2.3", "port": 30333.0})
		}
		// Who leaves has left, and who comes back counts on from where they were.
		w.leave(gone)
		all = w.get("nodes", 200)["nodes"].([]any)
		w.expect(all[0].(object), object{"node_id": identity(1), "is_connected": true})
		w.expect(all[1].(object), object{"node_id": identity(2), "is_connected": false, "event_count": 1.0})
		if all[1].(object)["disconnected_at"] == nil {
			t.Error("nobody knows when it left")
		}
		w.connect(2, synced(w, true), synced(w, false))
		w.expect(w.get("nodes/"+identity(2), 200), object{"is_connected": true, "event_count": 3.0, "disconnected_at": nil})
	})
	t.Run("test_node_details_endpoint", func(t *testing.T) {
		w := newWorld(t)
		conn := w.connect(3)
		o := w.get("nodes/"+identity(3), 200)
		w.expect(o, object{"node_id": identity(3), "implementation_name": "test-node-3", "is_connected": true})
		w.expect(o["connection_info"].(object), object{"address": conn.LocalAddr().String(), "event_count": 0.0})
		if _, is := o["connection_info"].(object)["connected_duration_secs"].(float64); !is {
			t.Error(o)
		}
		w.send(conn, synced(w, true))
		w.expect(w.get("nodes/"+identity(3), 200)["connection_info"].(object), object{"event_count": 1.0})
	})
	t.Run("test_node_details_not_found", func(t *testing.T) {
		w := newWorld(t)
		w.get("nodes/"+identity(0), 404)
		w.get("nodes/none", 400)
		w.get("nodes/"+identity(0)+"/status", 404)
		w.get("nodes/"+identity(0)+"/peers", 404)
		w.get("nodes/"+identity(0)+"/timeline", 404)
	})
	t.Run("test_events_endpoint_empty", func(t *testing.T) {
		w := newWorld(t)
		o := w.get("events", 200)
		w.expect(o, object{"has_more": false})
		if len(events(o)) != 0 {
			t.Error(o)
		}
	})
	t.Run("test_events_endpoint_with_data", func(t *testing.T) {
		w := newWorld(t)
		w.connect(4, synced(w, false), best(w, 100, 0xaa), status(w, 10, 50))
		o := w.get("events", 200)
		if got := types(o); got != "[10 11 13]" {
			t.Fatal(got)
		}
		all := events(o)
		w.expect(all[1], object{"category": "status"})
		w.expect(all[1], object{"node_id": identity(4), "event_id": 1.0, "timestamp": "2026-02-03T04:06:46.000007Z", "node_name": "test-node-4", "node_version": "1.0.0"})
		block := all[1]["data"].(object)["BestBlockChanged"].(object)
		w.expect(block, object{"slot": 100.0, "hash": identity(0xaa), "timestamp": float64(kinds.Micros(made.Add(100e9)))})
		w.expect(all[0]["data"].(object)["Status"].(object), object{"num_peers": 10.0, "num_shards": 50.0, "shards_size": "1152921504606846976"})
		array := events(w.get("events?bytes=array", 200))[1]["data"].(object)["BestBlockChanged"].(object)["hash"].([]any)
		if len(array) != 32 || array[0] != 170.0 {
			t.Error(array)
		}
	})
	t.Run("test_events_pagination", func(t *testing.T) {
		w := newWorld(t)
		var blocks [][]byte
		for slot := range 10 {
			blocks = append(blocks, best(w, slot, byte(slot)))
		}
		conn := w.connect(5, blocks...)
		first := w.get("events?limit=5", 200)
		w.expect(first, object{"has_more": true})
		second := w.get("events?limit=5&offset=5", 200)
		w.expect(second, object{"has_more": false}) // TART guesses, and says there are more
		var slots []any
		for _, e := range append(events(first), events(second)...) {
			slots = append(slots, e["data"].(object)["BestBlockChanged"].(object)["slot"])
		}
		if fmt.Sprint(slots) != "[9 8 7 6 5 4 3 2 1 0]" {
			t.Error(slots)
		}
		o := w.get("events?limit=5&offset=10", 200)
		w.expect(o, object{"has_more": false})
		if len(events(o)) != 0 {
			t.Error(o)
		}
		// A cursor goes on where the page ended, whatever came meanwhile.
		w.send(conn, best(w, 10, 10))
		if o := w.get("events?limit=1&cursor="+first["cursor"].(string), 200); events(o)[0]["event_id"] != 4.0 {
			t.Error(o)
		}
		w.get("events?limit=some", 400)
		w.get("events?offset=1000000", 400)
		w.get("events?cursor=1", 400)
		w.get("events?bytes=some", 400)
	})
	t.Run("test_node_events_endpoint", func(t *testing.T) {
		w := newWorld(t)
		w.connect(6, best(w, 0, 6), best(w, 1, 6), best(w, 2, 6))
		w.connect(7, finalized(w, 0, 7), finalized(w, 1, 7))
		if got := types(w.get("nodes/"+identity(6)+"/events", 200)); got != "[11 11 11]" {
			t.Error(got)
		}
		if got := types(w.get("nodes/"+identity(7)+"/events?limit=1&offset=1", 200)); got != "[12]" {
			t.Error(got)
		}
	})
	t.Run("test_concurrent_api_requests", func(t *testing.T) {
		w := newWorld(t)
		w.connect(9, best(w, 1, 1))
		var all sync.WaitGroup
		for range 5 {
			for _, path := range []string{"nodes", "events", "metrics/live", "stats"} {
				all.Go(func() {
					if answer, err := w.client.Get(w.url + "/api/" + path); err != nil || answer.StatusCode != 200 {
						t.Errorf("%s: %v", path, err)
					} else {
						answer.Body.Close()
					}
				})
			}
		}
		all.Wait()
	})
	t.Run("test_stats_endpoint", func(t *testing.T) {
		w := newWorld(t)
		w.connect(1, happening(w, 0, "Authoring", object{"slot": 7, "parent": make([]byte, 32)}), happening(w, 0, "Authored", object{"authoring_id": 0, "outline": outline}),
			best(w, 7, 1), best(w, 6, 1), finalized(w, 5, 1))
		w.expect(w.get("stats", 200), object{"total_blocks_authored": 1.0, "best_block": 7.0, "finalized_block": 5.0})
		w.expect(w.get("stats?duration=5m", 200), object{"total_blocks_authored": 1.0})
		w.get("stats?duration=2h", 400)
	})
	t.Run("test_network_info", func(t *testing.T) {
		w := newWorld(t)
		w.connect(1)
		w.leave(w.connect(2))
		o := w.get("network", 200)
		w.expect(o["network"].(object), object{"connected_nodes": 1.0, "total_nodes": 2.0, "genesis": identity(9)})
		w.expect(o["topology"].(object), object{"core_count": 16.0, "slot_period_sec": 6.0})
		w.expect(o["implementations"].([]any)[0].(object), object{"name": "test-node-1", "version": "1.0.0"})
	})
	t.Run("test_node_status", func(t *testing.T) {
		w := newWorld(t)
		w.connect(10, best(w, 100, 0xaa), best(w, 101, 0xab), finalized(w, 98, 0xfa), synced(w, true), status(w, 10, 50))
		o := w.get("nodes/"+identity(10)+"/status", 200)
		w.expect(o["node"].(object), object{"node_id": identity(10), "is_connected": true, "event_count": 5.0})
		w.expect(o["chain_status"].(object), object{
			"best_slot": 101.0, "finalized_slot": 98.0, "best_hash": identity(0xab), "finalized_hash": identity(0xfa),
			"best_block_events": 2.0, "finalized_block_events": 1.0, "synced": true,
		})
		w.expect(o["latest_status"].(object), object{"num_peers": 10.0})
		w.expect(o["event_breakdown"].([]any)[0].(object), object{"event_type": 11.0, "count": 2.0})
	})
	t.Run("test_node_status_enhanced", func(t *testing.T) {
		w := newWorld(t)
		w.connect(11, happening(w, 0, "WorkPackageSubmission", object{"builder": make([]byte, 32), "bundle": false}), received(w, 0, 3, 0xcc),
			guarantee(w, 0), happening(w, 0, "GeneratingTickets", object{"epoch": 1}))
		o := w.get("nodes/"+identity(11)+"/status/enhanced", 200)
		w.expect(o, object{"node_id": identity(11), "is_connected": true, "assigned_core": 3.0})
		w.expect(o["guarantee_activity"].(object), object{"guarantees_built": 1.0, "primary_core": 3.0})
		w.expect(o["ticket_activity"].(object), object{"tickets_generated": 1.0, "tickets_sealed": 0.0})
		w.has(o, "chain_status", "connected_at", "last_seen_at", "event_count", "cores_active")
	})
	t.Run("test_node_peers", func(t *testing.T) {
		w := newWorld(t)
		opened := happening(w, 0, "BlockAnnouncementStreamOpened", object{"peer": make([]byte, 32), "opener": "Local"})
		w.connect(12, status(w, 9, 1), status(w, 12, 1), opened, opened)
		o := w.get("nodes/"+identity(12)+"/peers", 200)
		w.expect(o, object{"total_peers": 12.0, "validator_peers": 5.0, "non_validator_peers": 7.0, "sync_peers": 8.0, "block_announcement_peers": 1.0})
		if history := o["history"].([]any); len(history) != 2 || history[1].(object)["total_peers"] != 9.0 {
			t.Error(history)
		}
	})
	t.Run("test_node_timeline", func(t *testing.T) {
		w := newWorld(t)
		w.connect(13, synced(w, true), best(w, 1, 1), happening(w, 0, "GeneratingTickets", object{"epoch": 1}), unknown)
		o := w.get("nodes/"+identity(13)+"/timeline", 200)
		if got := types(o); got != "[250 80 11 13]" {
			t.Error(got)
		}
		w.expect(o, object{"node_id": identity(13), "event_count": 4.0})
		if got := fmt.Sprint(o["category_counts"]); got != "[map[category:status count:2] map[category:tickets count:1] map[category:other count:1]]" {
			t.Error(got)
		}
		if got := types(w.get("nodes/"+identity(13)+"/timeline?categories=tickets,other", 200)); got != "[250 80]" {
			t.Error(got)
		}
		span := o["time_range"].(object)
		if got := w.get("nodes/"+identity(13)+"/timeline?start_time="+span["start"].(string)+"&end_time="+span["end"].(string), 200); len(events(got)) != 4 {
			t.Error(got)
		}
		w.get("nodes/"+identity(13)+"/timeline?categories=sports", 400)
		w.get("nodes/"+identity(13)+"/timeline?start_time=noon", 400)
	})
	for _, what := range []string{"stats", "services", "cores"} {
		t.Run("test_jam_"+what+"_no_rpc", func(t *testing.T) {
			if o := newWorld(t).get("jam/"+what, 503); o["error"] == "" {
				t.Error(o)
			}
		})
	}
	t.Run("test_live_counters", testLive)
	t.Run("test_realtime_metrics", testRealtime)
	t.Run("test_timeseries_metrics", testTimeseries)
	t.Run("test_timeseries_grouped", testGrouped)
	t.Run("test_events_search", testSearch)
}
