package load

import (
	"bytes"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"

	readings "parley/api/histogram"
)

// scrape adds what a server says of itself, if it does.
func (u *usage) scrape(url string) error {
	u.ages = make(map[string]readings.Reading)
	return scrape(context.Background(), url, func(line []byte) {
		if n := number(line, "go_goroutines "); n > 0 {
			u.goroutines = int(n)
		}
		if n := number(line, "go_memstats_heap_inuse_bytes "); n > 0 {
			u.heap = n
		}
		if n := number(line, "go_memstats_stack_inuse_bytes "); n > 0 {
			u.stacks = n
		}
		u.age(line)
	})
}

// age adds a line of the histograms that say how old packets are when a Parley hands them to the
// transport of a receiver.
func (u *usage) age(line []byte) {
	rest, ok := bytes.CutPrefix(line, []byte("parley_queue_age_seconds_"))
	if !ok {
		return
	}
	labels, value, ok := bytes.Cut(rest, []byte("} "))
	v, err := strconv.ParseFloat(string(value), 64)
	if !ok || err != nil {
		return
	}
	part, labels, _ := bytes.Cut(labels, []byte("{"))
	kind := label(labels, "kind")
	r, ok := u.ages[kind]
	if !ok {
		r.Below = make(map[float64]uint64)
	}
	switch string(part) {
	case "sum":
		r.Sum = v
	case "count":
		r.Count = uint64(v)
	case "bucket":
		if bound, err := strconv.ParseFloat(label(labels, "le"), 64); err == nil && !math.IsInf(bound, 1) { // which is the count
			r.Below[bound] = uint64(v)
		}
	}
	u.ages[kind] = r
}

// label returns the value of a label, "" when there is none of that name. Names that end alike and
// values with quotes are not among what is looked for.
func label(labels []byte, name string) string {
	_, rest, _ := bytes.Cut(labels, []byte(name+`="`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// agesSince returns how long the server had packets, by kind, of those it handed on since before.
func (u *usage) agesSince(before *usage) map[string]Quantiles {
	ages := make(map[string]Quantiles)
	for _, kind := range slices.Sorted(maps.Keys(u.ages)) {
		r := u.ages[kind]
		if earlier, ok := before.ages[kind]; ok {
			r = r.Minus(earlier)
		}
		if r.Count == 0 {
			continue
		}
		most := slices.Max(append(slices.Collect(maps.Keys(r.Below)), 0))
		in := func(q float64) float64 { return round(1e3*min(r.Quantile(q), most), 3) }
		ages[kind] = Quantiles{
			Count: int64(r.Count), Mean: round(1e3*r.Sum/float64(r.Count), 3),
			P50: in(.5), P90: in(.9), P99: in(.99), P999: in(.999), Max: in(1),
		}
	}
	return ages
}
