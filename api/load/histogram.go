package load

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets of a histogram: each power of two is cut into equal parts, so that a duration is
// known to 1/32.
const (
	partsLog2 = 5
	parts     = 1 << partsLog2
	buckets   = (64 - partsLog2) * parts
)

// histogram counts durations in constant memory. Any goroutine may add; adding does not block
// and does not allocate.
type histogram struct {
	count [buckets]atomic.Uint32
	sum   atomic.Int64 // nanoseconds
	max   atomic.Int64
}

func (h *histogram) add(d time.Duration) { h.addSome(d, 1) }

// addSome adds d so often.
func (h *histogram) addSome(d time.Duration, n uint64) {
	d = max(d, 0)
	h.count[bucketOf(uint64(d))].Add(uint32(n))
	h.sum.Add(int64(d) * int64(n))
	for seen := h.max.Load(); int64(d) > seen && !h.max.CompareAndSwap(seen, int64(d)); {
		seen = h.max.Load()
	}
}

// n returns how many were added.
func (h *histogram) n() (n int64) {
	for b := range h.count {
		n += int64(h.count[b].Load())
	}
	return n
}

func bucketOf(v uint64) int {
	power := bits.Len64(v) - 1 - partsLog2
	if power <= 0 {
		return int(v) // the first two powers are exact
	}
	return power<<partsLog2 + int(v>>power)
}

// upper returns the largest value that falls into a bucket.
func upper(bucket int) uint64 {
	power := bucket>>partsLog2 - 1
	if power <= 0 {
		return uint64(bucket)
	}
	return uint64(bucket-power<<partsLog2+1)<<power - 1
}

// Quantiles is what a set of durations looks like, in milliseconds.
type Quantiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// quantiles describes several histograms as one. Values are exact to 3 %, the maximum is exact.
func quantiles(hs ...*histogram) Quantiles {
	var q Quantiles
	var sum, most int64
	for _, h := range hs {
		q.Count += h.n()
		sum += h.sum.Load()
		most = max(most, h.max.Load())
	}
	if q.Count == 0 {
		return q
	}
	q.Mean, q.Max = ms(sum/q.Count), ms(most)
	want := []struct {
		share float64
		is    *float64
	}{{.5, &q.P50}, {.9, &q.P90}, {.99, &q.P99}, {.999, &q.P999}}
	var below int64
	for b := 0; b < buckets && len(want) > 0; b++ {
		for _, h := range hs {
			below += int64(h.count[b].Load())
		}
		for len(want) > 0 && below >= int64(math.Ceil(want[0].share*float64(q.Count))) {
			*want[0].is = ms(min(int64(upper(b)), most))
			want = want[1:]
		}
	}
	return q
}

func ms(nanoseconds int64) float64 { return round(float64(nanoseconds)/1e6, 3) }

// round keeps some digits behind the point: what people and tables read.
func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}

// Durations is a set of durations in constant memory. The zero value is empty; any goroutine may
// add to it.
type Durations struct{ h histogram }

// Add adds one. It does not block.
func (d *Durations) Add(took time.Duration) { d.h.add(took) }

// Quantiles describes the set.
func (d *Durations) Quantiles() Quantiles { return quantiles(&d.h) }
