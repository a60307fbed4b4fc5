package main

import (
	"strings"
	"testing"
)

const output = `goos: linux
pkg: parley/api/floor
BenchmarkFloorTCP/size=1200-2    	  100	  500.0 ns/op	 400 cpu-ns/op	 0 B/op	 0 allocs/op
BenchmarkFloorUDP/size=1200-2    	  100	  500.0 ns/op	 1500 cpu-ns/op
BenchmarkFloorWebTransport/stream/size=1200-2    	  100	  500.0 ns/op	 2400 cpu-ns/op
BenchmarkFloorWebTransport/packet/endless/size=1200-2    	  100	  500.0 ns/op	 12000 cpu-ns/op
PASS
pkg: parley/api/ws
BenchmarkWrite/plain/size=1200/batch=16-2	 28917	 950.6 ns/op	1262.30 MB/s	 600 cpu-ns/op	 7 B/op	 2 allocs/op
BenchmarkWrite/plain/size=160/batch=16-2	 28917	 950.6 ns/op
PASS
pkg: parley/api/wt
BenchmarkWrite/stream/size=1200/batch=16-2	 28917	 950.6 ns/op	 3000 cpu-ns/op
BenchmarkWrite/packet/endless/size=1200/batch=16-2	 28917	 950.6 ns/op	 4500 cpu-ns/op
BenchmarkWrite/packet/endless/size=1200/batch=16-2	 28917	 950.6 ns/op	 6000 cpu-ns/op
BenchmarkWrite/packet/endless/size=1200/batch=16-2	 28917	 950.6 ns/op	 7000 cpu-ns/op
pkg: parley/api/rooms
BenchmarkFanout/1000-2 	  54	 493207 ns/op	  493.2 ns/delivery	 6814 B/op	 55 allocs/op
ok  	parley/api/rooms	0.866s
`

func TestTable(t *testing.T) {
	results, err := parse(strings.NewReader(output))
	if err != nil || len(results) != 9 {
		t.Fatalf("%v, %v", results, err)
	}
	var table strings.Builder
	if err := writeResults(&table, results); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ns from–to of x floor x library allocs bytes",
		"floor FloorTCP/size=1200 400 cpu-op 0 0",
		"floor FloorUDP/size=1200 1500 cpu-op 0 0",
		"floor FloorWebTransport/stream/size=1200 2400 cpu-op 1.60 0 0",
		"floor FloorWebTransport/packet/endless/size=1200 12000 cpu-op 8.00 0 0",
		"ws Write/plain/size=1200/batch=16 600 cpu-op 1.50 2 7",
		"ws Write/plain/size=160/batch=16 951 op 0 0",
		"wt Write/stream/size=1200/batch=16 3000 cpu-op 2.00 1.25 0 0",
		"wt Write/packet/endless/size=1200/batch=16 6000 4500–7000 cpu-op 4.00 0.50 0 0",
		"rooms Fanout/1000 493 delivery 55 6814",
	}
	var got []string
	for line := range strings.Lines(table.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s\nwant\n%s", g, w)
	}
}

// Every run has a name of its own, and is compared with one that was before.
func TestStandardRuns(t *testing.T) {
	before := map[string]bool{"": true}
	for _, r := range standard {
		if !before[r.than] || before[r.name] {
			t.Errorf("%q is compared with %q", r.name, r.than)
		}
		before[r.name] = true
	}
}
