package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"

	"parley/api/load"
)

// loadRun is one run of parley load against a node of its own.
type loadRun struct {
	name string
	args string
	than string // name of an earlier run whose latency is the measure of this one's
	env  string // settings of the node, or ""

	// floor is what moves the same without the product: a case of BenchmarkPaced, or "".
	floor string
}

// course is what all runs have in common: long enough to be past the beginning, when packets of a room go to
// NATS until it is known that no other node has people in it, short enough to have several.
const course = "--ramp 1s --warm-up 6s --duration 5s"

// Rooms with ten thousand deliveries a second of packets that come one by one, as in BenchmarkPaced.
const (
	audience = "--steady-rate 100 --steady-size 1200 --publishers 2 --viewers 49"
	meeting  = "--steady-rate 26 --steady-size 1200 --publishers 20 --viewers 0"
)

// callOf20 is a call in which all have their camera on, and a few talk at a time.
const callOf20 = "--publishers 20 --viewers 0 --video 1000"

// relayed has all packets go to NATS, as where other nodes have people in the room.
const relayed = "FEATURE_RELAY_ALWAYS=true"

// patient lets pictures wait for others; the packets of an audience or a meeting count as pictures.
const patient = "PARLEY_BATCH_WINDOW=20ms"

// calm is patient, and sound waits as long.
const calm = patient + " PARLEY_SOUND_WINDOW=20ms"

// crowded is what two processors can bring to clients that get each packet on a stream of its own, and take
// in for them.
const crowded = "--publishers 9 --viewers 50"

var standard = []loadRun{
	{name: "ws, 10k a second of 1200 B", args: audience, floor: "tcp/audience"},
	{name: "wss, the same", args: "--transport wss " + audience, floor: "tcp/audience"},
	{name: "wt, the same", args: "--transport wt " + audience, floor: "packets/audience"},
	{name: "wt in streams, the same", args: "--transport wt --framing stream " + audience, floor: "webtransport/audience"},
	{name: "ws, the same among 20", args: meeting, floor: "tcp/meeting"},
	{name: "wt in streams, the same among 20", args: "--transport wt --framing stream " + meeting, floor: "webtransport/meeting"},
	{name: "ws, 10k a second, pictures wait 20 ms", args: audience, env: patient, than: "ws, 10k a second of 1200 B"},
	{name: "wt, pictures wait 20 ms", args: "--transport wt " + audience, env: patient, than: "wt, the same"},
	{name: "wt in streams, pictures wait 20 ms", args: "--transport wt --framing stream " + audience, env: patient, than: "wt in streams, the same"},
	{name: "ws, call of 10", args: "--publishers 10 --viewers 0 --video 1000"},
	{name: "ws, call of 20", args: callOf20},
	{name: "the same, pictures wait 20 ms for others", args: callOf20, env: patient, than: "ws, call of 20"},
	{name: "the same, sound waits 10 ms, too", args: callOf20, env: patient + " PARLEY_SOUND_WINDOW=10ms", than: "ws, call of 20"},
	{name: "the same, sound waits 20 ms, too", args: callOf20, env: calm, than: "ws, call of 20"},
	{name: "the same, relayed, nothing waits", args: callOf20, env: relayed, than: "ws, call of 20"},
	{name: "the same, relayed, both wait 20 ms", args: callOf20, env: relayed + " " + calm, than: "ws, call of 20"},
	{name: "wt, call of 10", args: "--transport wt --publishers 10 --viewers 0 --video 1000"},
	{name: "wt in streams, call of 10", args: "--transport wt --framing stream --publishers 10 --viewers 0 --video 1000"},
	{name: "ws, 5 and 100 who watch", args: "--publishers 5 --viewers 100 --video 150 --talk 1"},
	{name: "the same, 1 in 10 stuck", args: "--publishers 5 --viewers 100 --video 150 --talk 1 --stalled 0.1", than: "ws, 5 and 100 who watch"},
	{name: "the same, 1 in 10 loses 5 %", args: "--publishers 5 --viewers 100 --video 150 --talk 1 --lossy 0.1", than: "ws, 5 and 100 who watch"},
	{name: "the same, 1 in 100 stuck besides", args: "--publishers 5 --viewers 100 --video 150 --talk 1 --lossy 0.1 --stalled 0.01", than: "ws, 5 and 100 who watch"},
	{name: "ws, 5 and 1000 who watch the lowest layer", args: "--publishers 5 --viewers 1000 --layers 3 --talk 1 --ramp 12s"},
	{name: "wt, 9 and 50 who grant 16 streams", args: "--transport wt --streams 16 " + crowded},
	{name: "wt, 9 and 50 who grant 100 streams", args: "--transport wt --streams 100 " + crowded},
	{name: "wt, 9 and 50 who grant 1000 streams", args: "--transport wt --streams 1000 " + crowded},
	{name: "ws, 10000 idle", args: "--rooms 1000 --publishers 0 --viewers 10 --probe 0s --ramp 40s --warm-up 20s"},
	{name: "wt, 1000 idle", args: "--transport wt --rooms 100 --publishers 0 --viewers 10 --probe 0s --ramp 10s --warm-up 20s"},
}

// outcome is what came of a run, and what its floor cost right before, in microseconds each.
type outcome struct {
	report *load.Report
	floor  float64
}

func (o outcome) cost() float64 { return o.server().CPUPerDelivery }

func (o outcome) server() *load.Server { return cmp.Or(o.report.Server, new(load.Server)) }

// loadRuns runs each of those whose name is wanted so often, and writes a table of what came of them.
func loadRuns(ctx context.Context, binary string, wanted *regexp.Regexp, repeat int, dir string, out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tdelivered/s\tlost %%\tsound lost\tp50 ms\tp99 ms\tx p99\tsound + ms\tserver us each\tfrom–to\tswitches\tfloor\tx floor\tserver %%\tgenerator %%\tRSS MB\tKB each\theap\tstacks\t\t\n")
	p99 := map[string]float64{}
	floors, err := buildPaced(ctx, dir)
	if err != nil {
		return err
	}
	for i, r := range standard {
		if !wanted.MatchString(r.name) {
			continue
		}
		outcomes := make([]outcome, repeat)
		for n := range outcomes {
			o := &outcomes[n]
			if o.floor, err = floors.measure(ctx, r.floor); err != nil {
				return err
			}
			if o.report, err = r.run(ctx, binary, filepath.Join(dir, fmt.Sprintf("load-%d.%d.json", i+1, n+1))); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
		o, costs := median(outcomes, 1, outcome.cost)
		p99[r.name] = o.report.Received["healthy"].Latency.P99
		r.row(t, o, p99[r.than], costs)
	}
	return t.Flush()
}

// run runs parley load and keeps its report at path.
func (r loadRun) run(ctx context.Context, binary, path string) (*load.Report, error) {
	args := append([]string{"load", "--self", "--json", "--quiet"}, strings.Fields(course+" "+r.args)...)
	cmd := exec.CommandContext(ctx, binary, args...)
	if r.env != "" {
		cmd.Env = append(os.Environ(), strings.Fields(r.env)...)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, errs.Bytes())
	}
	var report load.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return nil, err
	}
	return &report, os.WriteFile(path, out.Bytes(), 0o644)
}

func (r loadRun) row(t io.Writer, o outcome, before float64, costs string) {
	report, s := o.report, o.server()
	h := report.Received["healthy"]
	each, heap, stacks, than, lost, unheard, added, note := "", "", "", "", "", "", "", ""
	if sound, ok := report.Kinds["audio"]; ok && sound.Expected > 0 {
		unheard = fmt.Sprint(sound.Lost)
	}
	if h.Expected > 0 {
		lost = fmt.Sprintf("%.2f", 100*float64(h.Lost)/float64(h.Expected))
	} else if n := uint64(report.Joins.In); n > 0 && s.RSS > s.RSSBefore {
		share := func(bytes uint64) string { return fmt.Sprintf("%.1f", float64(bytes)/1024/float64(n)) }
		each, heap, stacks = share(s.RSS-s.RSSBefore), share(s.Heap), share(s.Stacks)
	}
	if before > 0 {
		than = fmt.Sprintf("%.2f", h.Latency.P99/before)
	}
	if sound, ok := s.Ages["audio"]; ok && sound.Count > 0 {
		added = fmt.Sprintf("%.1f", sound.P99)
	}
	least, times := "", ""
	if o.floor > 0 {
		least, times = fmt.Sprintf("%.1f", o.floor), fmt.Sprintf("%.2f", s.CPUPerDelivery/o.floor)
	}
	if limit := report.Generator.Bottleneck; limit != "" {
		note = "the " + limit + " was the limit"
	}
	fmt.Fprintf(t, "%s\t%.0f\t%s\t%s\t%.2f\t%.2f\t%s\t%s\t%.1f\t%s\t%.0f\t%s\t%s\t%.0f\t%.0f\t%d\t%s\t%s\t%s\t%s\t\n", r.name,
		float64(h.Delivered)/report.Seconds, lost, unheard, h.Latency.P50, h.Latency.P99, than, added, s.CPUPerDelivery, costs, s.SwitchesPer1000, least, times,
		100*s.CPUShare, 100*report.Generator.CPUShare, s.RSS>>20, each, heap, stacks, note)
}
