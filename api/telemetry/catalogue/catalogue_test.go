package catalogue_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

func TestKindsOfJIP3(t *testing.T) {
	numbers := map[uint16]bool{}
	groups := map[string][]uint16{}
	var failures []uint16
	for _, k := range catalogue.JIP3().Kinds {
		numbers[k.Number] = true
		if !slices.Contains(groups[k.Group], k.Number) {
			groups[k.Group] = append(groups[k.Group], k.Number)
		}
		if k.Class == telemetry.Failure && !k.Soft {
			failures = append(failures, k.Number)
		}
	}
	if len(numbers) != 115 {
		t.Errorf("%d kinds", len(numbers))
	}
	if want := []uint16{22, 25, 41, 44, 46, 65, 81, 83, 92, 99, 107, 111, 122, 127, 130, 142, 150, 164, 169, 171, 175, 190, 195}; !slices.Equal(failures, want) {
		t.Errorf("failures are %v instead of %v", failures, want)
	}
	span := func(from, to uint16) (all []uint16) {
		for n := from; n <= to; n++ {
			all = append(all, n)
		}
		return all
	}
	want := map[string][]uint16{
		"meta": {0}, "status": span(10, 13), "networking": span(20, 28),
		"blocks": append(span(40, 47), span(60, 68)...), "tickets": span(80, 84),
		"work-package": span(90, 104), "guaranteeing": span(105, 113), "availability": span(120, 131),
		"auditing": span(140, 153), "segments": span(160, 178), "preimages": span(190, 199),
	}
	if !reflect.DeepEqual(groups, want) {
		t.Errorf("groups are %v", groups)
	}
}

func TestKindsOfCalls(t *testing.T) {
	var numbers []uint16
	for _, k := range catalogue.Call().Kinds {
		numbers = append(numbers, k.Number)
	}
	want := []uint16{0, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 32, 33, 34, 35, 36,
		40, 41, 42, 43, 44, 50, 51, 52, 53, 54, 55, 56, 60, 61, 62, 63, 64, 65, 66, 67, 68, 70, 71, 72, 90}
	if !slices.Equal(numbers, want) {
		t.Errorf("kinds are %v instead of %v", numbers, want)
	}
}

func TestLinksNameEarlierKinds(t *testing.T) {
	for _, c := range catalogue.All() {
		for _, k := range c.Kinds {
			for _, n := range k.LinkedTo {
				if to := c.Kind(255, n); to == nil || n > k.Number {
					t.Errorf("%s of %s names kind %d", k.Link, k.Name, n)
				}
			}
		}
	}
	if k := catalogue.JIP3().Named("BlockExecuted"); k.Link != "authoring_or_importing_id" || !slices.Equal(k.LinkedTo, []uint16{40, 43}) {
		t.Errorf("%s is linked by %s to %v", k.Name, k.Link, k.LinkedTo)
	}
	if k := catalogue.JIP3().Named("ReconstructingBundle"); k.Link != "audit_id" || k.LinkedTo != nil {
		t.Errorf("%s is linked by %s to %v", k.Name, k.Link, k.LinkedTo)
	}
}

func TestVersionsOfAKind(t *testing.T) {
	c := catalogue.JIP3()
	first := func(k *catalogue.Kind) string { return k.Body.Fields[0].Name }
	if old, now := c.Kind(0, 61), c.Kind(1, 61); first(old) != "peer" || first(now) != "opened_id" {
		t.Errorf("61 begins with %s, later with %s", first(old), first(now))
	}
	if c.Kind(0, 62) != c.Kind(1, 62) {
		t.Error("62 differs")
	}
	if c.Kind(0, 1) != nil || c.Kind(0, 65535) != nil || c.Named("Nothing") != nil {
		t.Error("kinds that are not there are found")
	}
	if catalogue.ByID("jip3") != c || catalogue.ByID("") != nil {
		t.Error("catalogues are not found by their names")
	}
}

func TestTimesOfJIP3(t *testing.T) {
	c := catalogue.JIP3()
	if c.Epoch.UnixMicro() != 1735732800000000 {
		t.Errorf("the epoch is %d", c.Epoch.UnixMicro())
	}
	if at, ok := c.At(1_500_000); !ok || !at.Equal(time.Date(2025, 1, 1, 12, 0, 1, 500_000_000, time.UTC)) {
		t.Errorf("%v %v", at, ok)
	}
	for _, micros := range []uint64{1<<64 - 1, 1 << 63, 1<<63 - 1, 1 << 58} {
		if at, ok := c.At(micros); ok {
			t.Errorf("%d is %v", micros, at)
		}
	}
	if at, ok := c.At(250_000_000_000_000_000); !ok || at.Year() > 9999 {
		t.Errorf("%v %v", at, ok)
	}
	if now := time.Now().Truncate(time.Microsecond); func() bool { at, _ := c.At(c.Micros(now)); return !at.Equal(now) }() {
		t.Error("now is another time when it comes back")
	}
	if c.Micros(time.Unix(0, 0)) != 0 {
		t.Error("times before the epoch wrap around")
	}
}

func TestWhatIsFoundInABody(t *testing.T) {
	c := catalogue.JIP3()
	var found catalogue.Found
	for _, v := range vectors(t) {
		if err := v.kind.Scan(v.p, v.body, &found); err != nil {
			t.Fatal(v.kind.Name, err)
		}
		got := fmt.Sprintf("link %d %v subject %.2x number %d %v index %d %v dim %s samples %v", found.Link, found.Linked,
			found.Subject, found.Number, found.Numbered, found.Index, found.Indexed, found.Dimension, found.Samples)
		want := map[string]string{
			"BestBlockChanged":    "link 0 false subject 1111 number 42 true index 0 false dim  samples []",
			"SyncStatusChanged":   "link 0 false subject  number 0 false index 0 false dim true samples []",
			"TicketTransferred":   "link 0 false subject cccc number 2 true index 0 false dim Local/true samples []",
			"WorkPackageReceived": "link 1 true subject dddd number 0 false index 2 true dim 2 samples [{0 3}]",
			"Authorized":          "link 1 true subject  number 0 false index 0 false dim  samples [{1 2} {0 3}]",
		}[v.kind.Name]
		if want != "" && got != want {
			t.Errorf("%s:\n got %s\nwant %s", v.kind.Name, got, want)
		}
	}
	k := c.Named("Status")
	body, err := k.Encode(nil, catalogue.Params{}, map[string]any{
		"num_peers": 1, "num_val_peers": 2, "num_sync_peers": 3, "num_guarantees": []byte{},
		"num_shards": 4, "shards_size": 5, "num_preimages": 6, "preimages_size": 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(100, func() { err = k.Scan(catalogue.Params{}, body, &found) }); allocs != 0 || err != nil {
		t.Errorf("%v allocations, %v", allocs, err)
	}
}

func TestDescription(t *testing.T) {
	text, err := json.Marshal(catalogue.Describe())
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		ID    string
		Types map[string]json.RawMessage
		Hello json.RawMessage
		Kinds []struct {
			Number   int
			Name     string
			Class    string
			LinkedTo []int `json:"linked_to"`
			Fields   []struct {
				Name string
				Type any
			}
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	c := all[1]
	if c.ID != "jip3" || len(c.Kinds) != 116 || len(c.Hello) == 0 {
		t.Fatalf("%s has %d kinds", c.ID, len(c.Kinds))
	}
	if got := string(c.Types["GuaranteeOutline"]); got != `{"form":"struct","fields":[{"name":"work_report_hash","type":"WorkReportHash"},{"name":"slot","type":"Slot"},{"name":"guarantors","type":{"form":"list","max":1024,"elem":"ValidatorIndex"}}]}` {
		t.Error(got)
	}
	for _, k := range c.Kinds {
		if k.Name == "ConnectInFailed" && (k.Class != "failure" || len(k.Fields) != 2 || k.Fields[1].Type != "Reason" || k.LinkedTo[0] != 21) {
			t.Errorf("%+v", k)
		}
		for _, f := range k.Fields {
			if name, ok := f.Type.(string); ok && c.Types[name] == nil {
				t.Errorf("%s of %s is of type %s, which is not there but %v", f.Name, k.Name, name, slices.Sorted(maps.Keys(c.Types)))
			}
		}
	}
}
