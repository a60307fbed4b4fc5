package histogram

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// waitParts is how many buckets of Waits there are from one power of two to the next.
	waitParts = 4

	// shortestWait is the upper bound of the first bucket: 2^15 ns, 33 µs.
	shortestWait = 15

	// waitBuckets is how many there are: the bound of the last but one is 2^38 ns.
	waitBuckets = (38-shortestWait)*waitParts + 2
)

// Waits counts lengths of time from 33 µs to 4½ minutes, each to within a
// quarter. The zero value is ready; any goroutine may use it.
type Waits struct {
	in  [waitBuckets]atomic.Uint64
	sum atomic.Uint64
}

// Observe counts d as often as n says; what is below 0 counts as 0.
func (w *Waits) Observe(d time.Duration, n uint64) {
	d = max(d, 0)
	w.in[waitBucket(uint64(d))].Add(n)
	w.sum.Add(n * uint64(d))
}

// waitBucket returns the first bucket whose upper bound is not below v.
func waitBucket(v uint64) int {
	if v <= 1<<shortestWait {
		return 0
	}
	v-- // bounds are inclusive
	power := bits.Len64(v) - 1
	part := int(v>>(power-2)) - waitParts // of the range from this power to the next
	return min((power-shortestWait)*waitParts+part+1, waitBuckets-1)
}

// waitBound returns the upper bound of a bucket in nanoseconds.
func waitBound(i int) uint64 {
	if i == 0 {
		return 1 << shortestWait
	}
	power, part := shortestWait+(i-1)/waitParts, (i-1)%waitParts
	return 1<<power + uint64(part+1)<<(power-2)
}

// Read returns what was counted, in seconds.
func (w *Waits) Read() Reading {
	r := Reading{Below: make(map[float64]uint64, waitBuckets-1)}
	for i := range waitBuckets {
		r.Count += w.in[i].Load()
		if i < waitBuckets-1 {
			r.Below[float64(waitBound(i))/1e9] = r.Count
		}
	}
	r.Sum = float64(w.sum.Load()) / 1e9
	return r
}

// Minus returns what was counted after an earlier reading of the same histogram.
func (r Reading) Minus(earlier Reading) Reading {
	d := Reading{Count: r.Count - earlier.Count, Sum: r.Sum - earlier.Sum, Below: make(map[float64]uint64, len(r.Below))}
	for bound, n := range r.Below {
		d.Below[bound] = n - earlier.Below[bound]
	}
	return d
}

// Quantile returns what the share q of all observations is not above: between the bounds of its
// bucket, in which observations are taken to be spread evenly, as PromQL does. It is +Inf when that is
// the last bucket, 0 when there is no observation.
func (r Reading) Quantile(q float64) float64 {
	if r.Count == 0 {
		return 0
	}
	rank := math.Ceil(min(max(q, 0), 1) * float64(r.Count))
	var low float64
	var below uint64
	for _, bound := range slices.Sorted(maps.Keys(r.Below)) {
		if n := r.Below[bound]; n > below {
			if float64(n) >= rank {
				return low + (bound-low)*(rank-float64(below))/float64(n-below)
			}
			below = n
		}
		low = bound
	}
	return math.Inf(1)
}
