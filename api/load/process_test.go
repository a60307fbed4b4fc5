package load

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/load/scrape"
)

func TestUsage(t *testing.T) {
	u, err := usageOf(os.Getpid())
	if err != nil || u.resident == 0 || u.most < u.resident || u.threads == 0 || u.switches == 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := usageOf(1 << 30); err == nil {
		t.Error("a process that cannot be is known")
	}
	if ownCPU() <= 0 {
		t.Error("no processor time was used")
	}
	before := machine{idle: 50, total: 100}
	if busy := (machine{idle: 60, total: 140}).busy(before); busy != .75 {
		t.Errorf("%v busy", busy)
	}
	if m := readMachine(); m.total == 0 || m.idle > m.total {
		t.Errorf("%+v", m)
	}
}

func TestServerOfSeveralProcesses(t *testing.T) {
	own := os.Getpid()
	before, err := usageOfAll([]int{own, own})
	if err != nil || len(before.each) != 2 || before.each[0].name == "" || before.resident != before.each[0].resident+before.each[1].resident {
		t.Fatalf("%+v, %v", before, err)
	}
	if _, err := usageOfAll([]int{own, 1 << 30}); err == nil {
		t.Error("one of two that cannot be is known")
	}
	after := before
	after.each = slices.Clone(before.each)
	after.cpu += 3 * time.Second
	after.each[0].cpu += time.Second
	after.each[1].cpu += 2 * time.Second
	r := &run{plan: Plan{Watch: &Watch{PIDs: []int{own, own}}}}
	s := r.server(sample{server: &before}, sample{at: 10 * time.Second, delivered: 1_000_000, server: &after})
	if s.PID != own || s.CPUPerDelivery != 3 || len(s.Processes) != 2 || s.Processes[0].CPUPerDelivery != 1 || s.Processes[1].CPUPerDelivery != 2 {
		t.Errorf("%+v", s)
	}
}

// Who mistypes the number of a process is told before the run, and one that ends meanwhile used nothing
// that could be believed.
func TestServerThatCannotBeLookedAt(t *testing.T) {
	own := os.Getpid()
	if err := (Watch{PIDs: []int{own}}).Check(t.Context()); err != nil {
		t.Error(err)
	}
	err := Watch{PIDs: []int{own, 1 << 30}, Metrics: "http://127.0.0.1:0"}.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "there is no process 1073741824") || !strings.Contains(err.Error(), "metrics: ") {
		t.Errorf("%v", err)
	}

	before, _ := usageOfAll([]int{own})
	after, err := usageOfAll([]int{1 << 30})
	r := &run{plan: Plan{Watch: &Watch{PIDs: []int{own}}}}
	s := r.server(sample{server: &before}, sample{at: time.Second, delivered: 1000, server: &after, err: err, gone: true})
	if s.Error == "" || s.CPUSeconds != 0 || s.CPUPerDelivery != 0 || s.Switches != 0 || s.Goroutines != 0 {
		t.Errorf("%+v", s)
	}
	var out strings.Builder
	if err := (&Report{Server: s, Generator: Generator{Bottleneck: "generator"}}).Table(&out); err != nil {
		t.Error(err)
	}
	for line, want := range map[string]bool{"server  0.00": false, "could not be looked at": true, "the limit was the generator": true} {
		if strings.Contains(out.String(), line) != want {
			t.Errorf("%q in the table: %t", line, !want)
		}
	}
}

func TestAddedLatency(t *testing.T) {
	read := func(lines ...string) *usage {
		text := "# TYPE parley_queue_age_seconds histogram\n"
		for _, line := range lines {
			text += "parley_queue_age_seconds_" + line + "\n"
		}
		page, err := scrape.Parse(strings.NewReader("go_goroutines 42\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		var u usage
		u.tell(page)
		return &u
	}
	before := read(
		`bucket{kind="audio",le="0.01"} 5`, `bucket{kind="audio",le="0.02"} 5`, `bucket{kind="audio",le="+Inf"} 6`,
		`sum{kind="audio"} 9.02`, `count{kind="audio"} 6`, `count{kind="data"} 4`)
	later := []string{
		`bucket{kind="audio",le="0.01"} 5`, `bucket{kind="audio",le="0.02"} 105`, `bucket{kind="audio",le="+Inf"} 106`,
		`sum{kind="audio"} 10.52`, `count{kind="data"} 4`,
	}
	after := read(append(later, `count{kind="audio"} 106`)...)
	if after.goroutines != 42 {
		t.Errorf("%d goroutines", after.goroutines)
	}
	got := after.agesSince(before)
	if want := (Quantiles{Count: 100, Mean: 15, P50: 15, P90: 19, P99: 19.9, P999: 20, Max: 20}); len(got) != 1 || got["audio"] != want {
		t.Errorf("%+v", got)
	}
	after = read(append(later, `count{kind="audio"} 107`)...) // one beyond all bounds
	if got := after.agesSince(before)["audio"].Max; got != 20 {
		t.Errorf("what is beyond all bounds took %v ms", got)
	}
}

func TestTable(t *testing.T) {
	r := Report{
		Seconds: 10,
		Sent:    map[string]Sent{"video": {Packets: 300, Bytes: 1e6, Keyframes: 2, Skipped: 7}},
		Received: map[string]Received{
			"healthy": {Participants: 3, Expected: 1000, Delivered: 990, Lost: 10, Latency: Quantiles{Count: 990, P99: 4.25}},
			"stalled": {Participants: 1, Expected: 300, Lost: 300},
		},
		Joins:     Joins{Wanted: 4, In: 3, Failed: 2, Why: map[string]int{"refused with status 410": 2}},
		Server:    &Server{CPUPerDelivery: 12.34, RSS: 1, Error: "no metrics", Processes: []Process{{Name: "relay"}, {Name: "broker", CPUPerDelivery: 5.67}}},
		Generator: Generator{Lag: Quantiles{Count: 300, P99: 1.25}, Waits: Quantiles{Count: 800, P99: 8.5}},
	}
	r.judge()
	var out strings.Builder
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"video 300 30 0.80 2 7", "healthy 3 1000 990 10 1.000", "stalled 1 300 0 300 100.000", "latency, healthy 990 0.00 0.00 0.00 4.25",
		"12.34", "of which broker 0.00 5.67", "3 of 4 participants in", "2 x refused with status 410", "no metrics", "NOTE 1 of 4 participants were not in",
		"NOTE publishers dropped 7 frames of video, because the server",
		"generator was late 300 0.00 0.00 0.00 1.25", "generator waited for a processor 800 0.00 0.00 0.00 8.50", "the limit was the generator",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestProgress(t *testing.T) {
	p := Progress{Phase: "measuring", Elapsed: 12e9, Wanted: 10, In: 9, Failed: 1, Sent: 800, Received: 12_345, Mbit: 10.04, P99: 3.21}
	if got, want := p.String(), " 12s measuring 9/10 in, 1 attempts failed; 800 sent, 12.3k received a second, 10.0 Mbit/s; p99 3.2 ms"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBeginningOfALog(t *testing.T) {
	var out strings.Builder
	b := &beginning{out: &out, left: 2}
	for _, part := range []string{"one\ntw", "o\nthr", "ee\nfour\n"} {
		if n, err := b.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%q: %d, %v", part, n, err)
		}
	}
	b.end()
	if got, want := out.String(), "one\ntwo\nand 2 more lines\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
