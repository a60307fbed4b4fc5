package tart

import (
	"testing"
)

// busy is a world in which two nodes sent something.
func busy(t *testing.T) *world {
	w := newWorld(t)
	w.connect(1, best(w, 7, 1), best(w, 8, 1), finalized(w, 5, 1),
		happening(w, 0, "Authoring", object{"slot": 7, "parent": make([]byte, 32)}), happening(w, 0, "AuthoringFailed", object{"authoring_id": 3, "reason": "late"}))
	w.connect(2, best(w, 6, 1))
	return w
}

func testLive(t *testing.T) {
	w := busy(t)
	o := w.get("metrics/live", 200)
	w.expect(o, object{"latest_slot": 8.0, "finalized_slot": 5.0})
	w.has(o, "active_nodes")
	last := o["last_10s"].(object) // of a slow machine less
	w.has(last, "blocks", "finalized", "blocks_per_second")
	if n := last["events"].(float64); n > 6 || last["events_per_second"] != n/10 {
		t.Error(last)
	}
	w.expect(o["last_1m"].(object), object{"events": 6.0, "blocks": 3.0, "events_per_second": .1})
}

func testRealtime(t *testing.T) {
	w := busy(t)
	o := w.get("metrics/realtime?seconds=60", 200)
	w.expect(o, object{"window_seconds": 60.0})
	w.expect(o["totals"].(object), object{"events": 6.0, "best_blocks": 3.0, "finalized_blocks": 1.0, "authored_blocks": 0.0, "active_nodes": 2.0, "latest_slot": 8.0})
	w.expect(o["rates"].(object), object{"events_per_second": .1})
	total := 0.0
	for _, second := range o["data"].([]any) {
		w.has(second.(object), "timestamp", "nodes", "blocks", "finalized", "announcements", "tickets")
		total += second.(object)["events"].(float64)
	}
	if total != 6 {
		t.Error(o["data"])
	}
	w.expect(w.get("metrics/realtime?seconds=1", 200), object{"window_seconds": 10.0})
	w.get("metrics/realtime?seconds=many", 400)
}

// total adds up a field of what a series has.
func total(o object, field string, only func(object) bool) (n float64) {
	for _, row := range o["data"].([]any) {
		if only == nil || only(row.(object)) {
			n += row.(object)[field].(float64)
		}
	}
	return n
}

func testTimeseries(t *testing.T) {
	w := busy(t)
	o := w.get("metrics/timeseries", 200)
	w.expect(o, object{"metric": "throughput", "interval_minutes": 5.0, "duration_hours": 1.0})
	if len(o["data"].([]any)) != 13 || total(o, "best_blocks", nil) != 3 || total(o, "finalized_blocks", nil) != 1 {
		t.Error(o)
	}
	o = w.get("metrics/timeseries?metric=events&interval=1&duration=24", 200)
	if len(o["data"].([]any)) != mostSteps || total(o, "total_events", nil) != 6 {
		t.Error(o)
	}
	last := o["data"].([]any)[0].(object)
	w.has(last, "timestamp", "active_nodes", "event_types", "events_per_second")
	if got := total(w.get("metrics/timeseries?metric=blocks", 200), "blocks", nil); got != 3 {
		t.Error(got)
	}
	w.get("metrics/timeseries?metric=weather", 400)
}

func testGrouped(t *testing.T) {
	w := busy(t)
	o := w.get("metrics/timeseries/grouped?metric=events&group_by=node", 200)
	if got := total(o, "events", func(o object) bool { return o["node_id"] == identity(1) }); got != 5 {
		t.Error(o)
	}
	o = w.get("metrics/timeseries/grouped?metric=events&group_by=event_type", 200)
	if got := total(o, "events", func(o object) bool { return o["event_type"] == 11.0 }); got != 3 {
		t.Error(o)
	}
	o = w.get("metrics/timeseries/grouped?metric=failures&group_by=category", 200)
	if got := total(o, "failures", func(o object) bool { return o["category"] == "blockAuthoring" }); got != 1 {
		t.Error(o)
	}
	w.get("metrics/timeseries/grouped?metric=events", 400)
}
