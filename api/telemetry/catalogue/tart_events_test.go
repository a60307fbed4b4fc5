package catalogue_test

import (
	"fmt"
	"strings"
	"testing"

	"parley/api/telemetry/catalogue"
)

// TestContractOfTARTsSingleEvents has a subtest for each test of events there, by its name: what
// is said of an event is written, read back and shown again.
func TestContractOfTARTsSingleEvents(t *testing.T) {
	h := strings.Repeat("ab", 32)
	peer := `"peer_id":"` + h + `"`
	address := `{"ipv6":"10.0.0.1","port":9000}`
	outline := `"outline":{"size_bytes":1024,"hash":"` + h + `","num_tickets":1,"num_preimages":2,"total_preimages_size":3,"num_guarantees":4,"num_assurances":5,"num_dispute_verdicts":6}`
	cost := `{"gas_used":500,"elapsed_ns":1000}`
	costs := `{"num_calls":10,"num_transfers":5,"num_items":3,"total":` + cost + `,"load_ns":7,"host_call":{"state":` + cost + `,"lookup":` + cost +
		`,"preimage":` + cost + `,"service":` + cost + `,"transfer":` + cost + `,"transfer_dest_gas":8,"other":` + cost + `}}`
	status := `{"num_peers":10,"num_val_peers":5,"num_sync_peers":8,"num_guarantees":[1,2,3,4],"num_shards":50,"shards_size":1048576,"num_preimages":3,"preimages_size":7}`
	type said struct {
		kind string
		size int // of the body
		json string
	}
	block := said{"BestBlockChanged", 36, `{"slot":12345,"hash":"` + h + `"}`}
	dropped := said{"Dropped", 16, `{"last_timestamp":2000,"num":5}`}
	synced := said{"SyncStatusChanged", 1, `{"synced":true}`}
	refused := said{"ConnectionRefused", 18, `{"from":` + address + `}`}
	for name, all := range map[string][]said{
		"test_dropped_event_encoding_decoding":     {dropped},
		"test_status_event_encoding_decoding":      {{"Status", 36, status}},
		"test_status_event_with_message_frame":     {{"Status", 36, status}},
		"test_best_block_changed_event":            {block},
		"test_finalized_block_changed_event":       {{"FinalizedBlockChanged", 36, block.json}},
		"test_sync_status_changed_event":           {synced, {"SyncStatusChanged", 1, `{"synced":false}`}},
		"test_connection_refused_event":            {refused},
		"test_connecting_in_out_events":            {{"ConnectingIn", 18, refused.json}, {"ConnectingOut", 50, `{"to":{` + peer + `,"peer_address":` + address + `}}`}},
		"test_connection_failed_events":            {{"ConnectInFailed", 11, `{"connecting_id":7,"reason":"no"}`}, {"ConnectOutFailed", 11, `{"connecting_id":7,"reason":"no"}`}},
		"test_connected_events":                    {{"ConnectedIn", 40, `{"connecting_id":7,` + peer + `}`}, {"ConnectedOut", 8, `{"connecting_id":7}`}},
		"test_disconnected_event":                  {{"Disconnected", 38, `{"peer":"` + h + `","terminator":"Local","reason":"bye"}`}, {"Disconnected", 37, `{"peer":"` + h + `","terminator":null,"reason":"bye"}`}},
		"test_authoring_events":                    {{"Authoring", 36, `{"slot":1,"parent":"` + h + `"}`}, {"AuthoringFailed", 11, `{"authoring_id":1,"reason":"no"}`}, {"Authored", 68, `{"authoring_id":1,` + outline + `}`}},
		"test_importing_events":                    {{"Importing", 64, `{"slot":1,` + outline + `}`}, {"BlockVerificationFailed", 11, `{"importing_id":1,"reason":"no"}`}, {"BlockVerified", 8, `{"importing_id":1}`}},
		"test_block_execution_events":              {{"BlockExecutionFailed", 11, `{"authoring_or_importing_id":1,"reason":"no"}`}, {"BlockExecuted", 9 + 2*144, `{"authoring_or_importing_id":1,"accumulate_costs":[[1,` + costs + `],[2,` + costs + `]]}`}},
		"test_event_timestamp_and_type_extraction": {dropped, {"Status", 36, status}, block},
		"test_event_encoded_size":                  {synced, refused, block},
	} {
		t.Run(name, func(t *testing.T) {
			p := catalogue.Params{Version: 1, C: 4}
			for _, e := range all {
				k := catalogue.JIP3().Named(e.kind)
				body, err := k.FromJSON(nil, p, []byte(e.json))
				if err != nil || len(body) != e.size {
					t.Fatalf("%s has %d bytes instead of %d: %v", e.kind, len(body), e.size, err)
				}
				var found catalogue.Found
				if err := k.Scan(p, body, &found); err != nil {
					t.Errorf("%s is refused: %v", e.kind, err)
				}
				if k.Scan(p, body[:len(body)-1], &found) == nil || k.Scan(p, append(body, 0), &found) == nil {
					t.Errorf("%s may have another length", e.kind)
				}
				got, err := k.AppendEvent(nil, 3_000_000, p, body, catalogue.Style{})
				if want := fmt.Sprintf(`{%q:{"timestamp":3000000,%s}`, e.kind, e.json[1:]); err != nil || string(got) != want {
					t.Errorf("%v\n got %s\nwant %s", err, got, want)
				}
			}
		})
	}
}
