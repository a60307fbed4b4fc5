package tart

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// executed is the execution of a block with the costs of two services.
func executed(t testing.TB) []byte {
	calls := object{"transfer_dest_gas": 1000}
	for _, name := range []string{"state", "lookup", "preimage", "service", "transfer", "other"} {
		calls[name] = cost(500, 1000)
	}
	costs := object{"num_calls": 10, "num_transfers": 5, "num_items": 3, "total": cost(500, 1000), "load_ns": 1000, "host_call": calls}
	return happening(t, 0, "BlockExecuted", object{"authoring_or_importing_id": 1, "accumulate_costs": []any{[]any{1, costs}, []any{2, costs}}})
}

// TestContractOfTARTsChain has a subtest for each test there of routes about the chain that sends
// events, by its name. There are no such routes here: what was sent is found by what it is about.
func TestContractOfTARTsChain(t *testing.T) {
	pipeline := func(core int, fill byte) [][]byte {
		return [][]byte{submission(t), received(t, 0, core, fill), authorized(t, 0), refined(t, 0), guarantee(t, 0)}
	}
	failedPackage := happening(t, 0, "WorkPackageFailed", object{"submission_or_share_id": 0, "reason": "no"})
	discarded := happening(t, 0, "GuaranteeDiscarded", object{
		"outline": object{"work_report_hash": make([]byte, 32), "slot": 1, "guarantors": []any{1, 2}}, "reason": "TooManyGuarantees",
	})
	preimage := happening(t, 0, "PreimageAnnounced", object{"peer": make([]byte, 32), "announcer": "Local", "service": 1, "hash": make([]byte, 32), "length": 9})
	notConnected := happening(t, 0, "ConnectOutFailed", object{"connecting_id": 0, "reason": "no"})
	announced := happening(t, 0, "BlockAnnounced", object{"peer": make([]byte, 32), "announcer": "Remote", "slot": 9, "hash": make([]byte, 32)})
	const whole = "[105 101 95 94 90]"
	tests := []struct {
		name string
		sent [][]byte
		path string // NODE is the id of the node
		want string // kinds, the last first
	}{
		{"test_workpackage_stats_with_data", [][]byte{submission(t), received(t, 0, 103, 1), submission(t), received(t, 2, 105, 2), refined(t, 0)}, "events/search?core_index=103", "[101 94 90]"},
		{"test_execution_metrics_with_block_executed", [][]byte{executed(t), refined(t, 0), authorized(t, 0)}, "nodes/NODE/events", "[95 101 47]"},
		{"test_cores_status_with_guarantee_join", [][]byte{submission(t), received(t, 0, 107, 3), guarantee(t, 0)}, "events/search?core_index=107", "[105 94 90]"},
		{"test_active_workpackages_pipeline", pipeline(102, 4), "events/search?wp_hash=" + identity(4), whole},
		{"test_core_guarantees_with_status_data", append(pipeline(100, 5), status(t, 20, 100)), "events/search?core_index=100&event_types=105", "[105]"},
		{"test_da_stats_with_status_data", [][]byte{status(t, 20, 150)}, "events/search?node_id=NODE&event_types=10", "[10]"},
		{"test_workpackage_journey_with_data", pipeline(104, 6), "events/search?wp_hash=" + identity(6), whole},
		{"test_workpackage_journey_enhanced_with_data", pipeline(203, 7), "events/search?wp_hash=" + identity(7) + "&core_index=203", whole},
		{"test_workpackage_audit_progress_with_data", [][]byte{guarantee(t, 7001)}, "nodes/NODE/timeline?categories=guarantee", "[105]"},
		{"test_guarantees_by_guarantor_with_data", [][]byte{guarantee(t, 8001), guarantee(t, 8002), guarantee(t, 8003)}, "events/search?node_id=NODE&event_types=105", "[105 105 105]"},
		{"test_core_guarantors_with_data", append(pipeline(202, 8), guarantee(t, 0)), "events/search?core_index=202&event_types=105", "[105 105]"},
		{"test_core_guarantors_enhanced_with_data", pipeline(201, 9), "events/search?core_index=201&node_id=NODE", whole},

		{"test_workpackage_stats", [][]byte{submission(t), failedPackage, submission(t)}, "events/search?node_id=NODE&event_types=90,92", "[90 92 90]"},
		{"test_block_stats", [][]byte{best(t, 7, 1), finalized(t, 5, 1), best(t, 8, 2)}, "timeline", "[11 12 11]"},
		{"test_guarantee_stats", [][]byte{guarantee(t, 1), discarded}, "timeline?categories=guarantee", "[113 105]"},
		{"test_da_stats", [][]byte{status(t, 20, 150), status(t, 20, 160)}, "timeline?categories=status", "[10 10]"},
		{"test_da_stats_enhanced", [][]byte{status(t, 20, 150), preimage}, "timeline?categories=status,preimage", "[191 10]"},
		{"test_cores_status", [][]byte{submission(t), received(t, 0, 301, 10)}, "events/search?core_index=301", "[94 90]"},
		{"test_guarantees_by_guarantor", [][]byte{guarantee(t, 1)}, "events/search?node_id=NODE&event_types=105", "[105]"},
		{"test_execution_metrics", [][]byte{refined(t, 0), authorized(t, 0)}, "timeline?categories=workPackage", "[95 101]"},
		{"test_failure_rates", [][]byte{failedPackage, submission(t), notConnected}, "events/search?node_id=NODE&event_types=25,92", "[25 92]"},
		{"test_block_propagation", [][]byte{announced, best(t, 9, 3)}, "timeline?categories=blockAnnouncement,status", "[11 62]"},
		{"test_network_health", [][]byte{synced(t, true), status(t, 1, 1), notConnected}, "timeline", "[25 10 13]"},
		{"test_sync_status_timeline", [][]byte{synced(t, false), synced(t, true)}, "timeline?categories=status", "[13 13]"},
		{"test_connections_timeline", [][]byte{notConnected, notConnected}, "timeline?categories=connection", "[25 25]"},
		{"test_core_guarantees", pipeline(302, 11), "events/search?core_index=302&event_types=105", "[105]"},
		{"test_core_validators", pipeline(303, 12), "events/search?core_index=303", whole},
		{"test_core_guarantors", pipeline(304, 13), "events/search?core_index=304&event_types=105", "[105]"},
		{"test_core_guarantors_enhanced", pipeline(305, 14), "events/search?core_index=305&node_id=NODE", whole},
		{"test_core_work_packages", pipeline(306, 15), "events/search?core_index=306&event_types=94", "[94]"},
		{"test_core_metrics", pipeline(307, 16), "events/search?core_index=307&event_types=95,101", "[101 95]"},
		{"test_core_bottlenecks", append(pipeline(308, 17), failedPackage), "events/search?core_index=308&event_types=92", "[92]"},
		{"test_validator_core_mapping", pipeline(309, 18), "events/search?core_index=309&node_id=NODE&event_types=94,105", "[105 94]"},
		{"test_peer_topology", [][]byte{notConnected, announced}, "timeline?categories=connection,blockAnnouncement", "[62 25]"},
		{"test_slot_events", [][]byte{best(t, 20, 4), finalized(t, 20, 4)}, "timeline?categories=status", "[12 11]"},
		{"test_active_workpackages", pipeline(310, 19), "events/search?wp_hash=" + identity(19), whole},
		{"test_workpackage_journey", nil, "events/search?wp_hash=" + identity(0xee), "[]"},
		{"test_workpackage_journey_enhanced", nil, "events/search?wp_hash=" + identity(0xee) + "&core_index=1", "[]"},
		{"test_workpackage_audit_progress", nil, "events/search?node_id=NODE&wp_hash=" + identity(0xee), "[]"},
		{"test_batch_workpackage_journeys", [][]byte{submission(t), received(t, 0, 311, 20), submission(t), received(t, 2, 311, 21)}, "events/search?wp_hash=" + identity(20), "[94 90]"},
	}
	w := newWorld(t)
	for i, test := range tests {
		w.leave(w.connect(byte(100+i), test.sent...))
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := identity(byte(100 + i))
			if strings.HasPrefix(test.path, "timeline") {
				test.path = "nodes/NODE/" + test.path
			}
			o := w.get(strings.ReplaceAll(test.path, "NODE", id), 200)
			if got := types(o); got != test.want {
				t.Errorf("%s: %s, want %s", test.path, got, test.want)
			}
			all := events(w.get("nodes/"+id+"/events", 200))
			if len(all) != len(test.sent) {
				t.Errorf("%d of %d events", len(all), len(test.sent))
			}
			for _, e := range all { // nothing of what was sent is lost on the way
				for name, fields := range e["data"].(object) {
					if !bytes.Equal(again(t, name, fields.(object)), test.sent[int(e["event_id"].(float64))][13:]) {
						t.Errorf("%s is not what was sent: %v", name, fields)
					}
				}
			}
		})
	}
}

// again encodes what an answer shows of an event.
func again(t testing.TB, name string, fields object) []byte {
	t.Helper()
	delete(fields, "timestamp")
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	b, err := kinds.Named(name).FromJSON(nil, v1, text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
