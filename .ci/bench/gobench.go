package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// result is one line of a Go benchmark.
type result struct {
	pkg    string // last element of the import path
	name   string // without Benchmark and the number of processors
	values map[string]float64
	spread string // of what it cost, as median says
}

// benchmarks runs each of the Go benchmarks of the packet path so often and returns their results in order.
func benchmarks(ctx context.Context, pattern, benchtime string, repeat int, log string) ([]result, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var packages []string
	for _, p := range packetPath {
		if _, err := os.Stat(p); err == nil {
			packages = append(packages, p)
		}
	}
	args := append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", benchtime, "-benchmem", "-p", "1", "-count", strconv.Itoa(repeat)}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := parse(io.TeeReader(out, file))
	return results, errors.Join(err, cmd.Wait())
}

// parse reads the output of go test -bench.
func parse(r io.Reader) (results []result, err error) {
	pkg := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 2 && fields[0] == "pkg:":
			pkg = fields[1][strings.LastIndexByte(fields[1], '/')+1:]
		case len(fields) >= 4 && strings.HasPrefix(fields[0], "Benchmark"):
			name := strings.TrimPrefix(fields[0], "Benchmark")
			if i := strings.LastIndexByte(name, '-'); i > 0 {
				name = name[:i]
			}
			values := map[string]float64{}
			for i := 2; i+1 < len(fields); i += 2 {
				if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
					values[fields[i+1]] = v
				}
			}
			results = append(results, result{pkg: pkg, name: name, values: values})
		}
	}
	return medians(results), lines.Err()
}

// medians returns of those that follow each other under one name the one with the median cost.
func medians(results []result) (of []result) {
	for len(results) > 0 {
		n := 1
		for n < len(results) && results[n].pkg == results[0].pkg && results[n].name == results[0].name {
			n++
		}
		r, spread := median(results[:n], 0, func(r result) float64 { c, _ := r.cost(); return c })
		r.spread = spread
		of, results = append(of, r), results[n:]
	}
	return of
}

// median sorts s, which is not empty, by cost and returns the one in the middle, and the least and the most that
// they cost with so many digits; of a single one that is "".
func median[T any](s []T, digits int, cost func(T) float64) (m T, spread string) {
	slices.SortFunc(s, func(a, b T) int { return cmp.Compare(cost(a), cost(b)) })
	if last := len(s) - 1; last > 0 {
		spread = fmt.Sprintf("%.*f–%.*f", digits, cost(s[0]), digits, cost(s[last]))
	}
	return s[(len(s)-1)/2], spread
}

// cost returns what one packet takes: processor time where that was measured, for it counts
// what others do on behalf of the packet and not what others do besides.
func (r result) cost() (nanoseconds float64, unit string) {
	for _, unit := range []string{"cpu-ns/op", "cpu-ns/delivery", "ns/delivery", "ns/offer", "ns/op"} {
		if v, ok := r.values[unit]; ok {
			return v, unit
		}
	}
	return 0, ""
}

// floors name what a result is held against: the least that its job can cost on this machine, and what
// it costs with the library that does it, without a line of the product. The size of the packets is
// the same everywhere.
var floors = []struct{ result, floor, library string }{
	{"ws.Write/plain/", "floor.FloorTCP/", ""},
	{"ws.Write/tls/", "floor.FloorTLS/", ""},
	{"wt.Write/stream/", "floor.FloorUDP/", "floor.FloorWebTransport/stream/"},
	{"wt.Write/packet/endless/", "floor.FloorUDP/", "floor.FloorWebTransport/packet/endless/"},
	{"wt.Write/packet/", "floor.FloorUDP/", "floor.FloorWebTransport/packet/"},
	{"wt.Write/", "floor.FloorUDP/", ""},
	{"floor.FloorWebTransport/", "floor.FloorUDP/", ""},
}

func writeResults(out io.Writer, results []result) error {
	costs := map[string]float64{}
	for _, r := range results {
		costs[r.pkg+"."+r.name], _ = r.cost()
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	times := func(cost float64, of string) string {
		if costs[of] > 0 {
			return fmt.Sprintf("%.2f", cost/costs[of])
		}
		return ""
	}
	fmt.Fprintf(t, "\tns\tfrom–to\tof\tx floor\tx library\tallocs\tbytes\t\n")
	for _, r := range results {
		cost, unit := r.cost()
		floor, library := floorsOf(r.pkg + "." + r.name)
		fmt.Fprintf(t, "%s %s\t%.0f\t%s\t%s\t%s\t%s\t%.0f\t%.0f\t\n", r.pkg, r.name, cost, r.spread, strings.Replace(unit, "ns/", "", 1),
			times(cost, floor), times(cost, library), r.values["allocs/op"], r.values["B/op"])
	}
	return t.Flush()
}

// floorsOf returns the names of what a result is held against, "" for nothing.
func floorsOf(name string) (floor, library string) {
	for _, f := range floors {
		rest, ok := strings.CutPrefix(name, f.result)
		if !ok {
			continue
		}
		for part := range strings.SplitSeq(rest, "/") {
			if !strings.HasPrefix(part, "size=") {
				continue
			}
			if floor = f.floor + part; f.library != "" {
				library = f.library + part
			}
			return floor, library
		}
	}
	return "", ""
}
