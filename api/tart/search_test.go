package tart

import (
	"bytes"
	"testing"
	"time"

	"parley/api/jip3"
)

// outline is that of a block.
var outline = object{
	"size_bytes": 1024, "hash": bytes.Repeat([]byte{0x11}, 32), "num_tickets": 1, "num_preimages": 0, "total_preimages_size": 0,
	"num_guarantees": 1, "num_assurances": 1, "num_dispute_verdicts": 0,
}

// unknown is an event of a kind that nobody knows.
var unknown = jip3.AppendEvent(nil, kinds.Micros(made), 250, []byte{0xbe, 0xef})

func cost(gas, ns uint64) object { return object{"gas_used": gas, "elapsed_ns": ns} }

// submission begins the work on a package.
func submission(t testing.TB) []byte {
	return happening(t, 0, "WorkPackageSubmission", object{"builder": make([]byte, 32), "bundle": false})
}

// received is a package for a core, of the submission that has a number.
func received(t testing.TB, submission uint64, core int, fill byte) []byte {
	item := object{
		"service_id": 1, "payload_size": 512, "refine_gas_limit": uint64(1<<64 - 1), "accumulate_gas_limit": 500_000,
		"sum_of_extrinsic_lengths": 128, "imports": []any{}, "num_exported_segments": 2,
	}
	return happening(t, 0, "WorkPackageReceived", object{"submission_or_share_id": submission, "core": core, "outline": object{
		"work_package_size": 2048, "work_package_hash": bytes.Repeat([]byte{fill}, 32), "anchor": bytes.Repeat([]byte{0xaa}, 32),
		"lookup_anchor_slot": 100, "prerequisites": []any{}, "work_items": []any{item, item},
	}})
}

func authorized(t testing.TB, submission uint64) []byte {
	return happening(t, time.Second, "Authorized", object{"submission_or_share_id": submission, "cost": object{
		"total": cost(100_000, 200_000), "load_ns": 50_000, "host_call": cost(30_000, 60_000),
	}})
}

func refined(t testing.TB, submission uint64) []byte {
	calls := object{}
	for _, name := range []string{"lookup", "vm", "mem", "invoke", "other"} {
		calls[name] = cost(20_000, 40_000)
	}
	return happening(t, 2*time.Second, "Refined", object{"submission_or_share_id": submission, "costs": []any{
		object{"total": cost(500_000, 1_000_000), "load_ns": 100_000, "host_call": calls},
	}})
}

func guarantee(t testing.TB, submission uint64) []byte {
	return happening(t, 3*time.Second, "GuaranteeBuilt", object{"submission_id": submission, "outline": object{
		"work_report_hash": bytes.Repeat([]byte{0xbb}, 32), "slot": 200, "guarantors": []any{0, 1, 2},
	}})
}

func testSearch(t *testing.T) {
	w := newWorld(t)
	w.connect(1, best(w, 1, 1), best(w, 2, 1), synced(w, true), unknown)
	w.connect(2, best(w, 3, 1))
	o := w.get("events/search?event_types=11&limit=10", 200)
	w.expect(o, object{"total": 3.0, "limit": 10.0, "offset": 0.0, "has_more": false})
	if types(o) != "[11 11 11]" {
		t.Error(o)
	}
	o = w.get("events/search?event_types=11,13&limit=2&offset=1&node_id="+identity(1), 200)
	w.expect(o, object{"total": 3.0, "limit": 2.0, "offset": 1.0, "has_more": false})
	if types(o) != "[11 11]" {
		t.Error(o)
	}
	w.expect(w.get("events/search?limit=2", 200), object{"total": nil, "has_more": true})
	strange := events(w.get("events/search?event_types=250", 200))[0]
	w.expect(strange["data"].(object)["Unknown"].(object), object{"event_type": 250.0, "raw": "beef", "timestamp": float64(kinds.Micros(made))})
	when := strange["created_at"].(string)
	if o := w.get("events/search?event_types=250&start_time="+when+"&end_time="+when, 200); len(events(o)) != 1 {
		t.Error(o)
	}
	if o := w.get("events/search?event_types=250&start_time=2100-01-01T00:00:00Z", 200); len(events(o)) != 0 {
		t.Error(o)
	}
	for _, wrong := range []string{"event_types=300", "event_types=some", "node_id=1", "core_index=x", "wp_hash=12", "start_time=noon"} {
		w.get("events/search?"+wrong, 400)
	}
}

// Whatever was done for a core or a work package is found by what it continues.
func TestSearchFollowsWhatEventsContinue(t *testing.T) {
	w := newWorld(t)
	preimage := happening(t, 0, "PreimageAnnounced", object{"peer": make([]byte, 32), "announcer": "Local", "service": 3, "hash": make([]byte, 32), "length": 1})
	w.connect(30, submission(t), received(t, 0, 3, 0xcc), authorized(t, 0), refined(t, 0), guarantee(t, 0), preimage, submission(t), received(t, 6, 5, 0xcd), refined(t, 6))
	w.connect(31, best(t, 1, 1)) // its first event has the number of another's submission
	for query, want := range map[string]string{
		"core_index=3":                                "[105 101 95 94 90]",
		"core_index=5":                                "[101 94 90]",
		"core_index=7":                                "[]",
		"wp_hash=" + identity(0xcd):                   "[101 94 90]",
		"wp_hash=0x" + identity(0xcc):                 "[105 101 95 94 90]",
		"wp_hash=" + identity(0xcc) + "&core_index=5": "[]",
		"core_index=3&event_types=105":                "[105]",
		"core_index=3&node_id=" + identity(31):        "[]",
	} {
		if got := types(w.get("events/search?"+query, 200)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	guaranteed := events(w.get("events/search?core_index=3&event_types=94", 200))[0]["data"].(object)["WorkPackageReceived"].(object)
	item := guaranteed["outline"].(object)["work_items"].([]any)[0].(object)
	w.expect(item, object{"refine_gas_limit": "18446744073709551615", "accumulate_gas_limit": 500_000.0})
}
