// Package histogram counts how long things take and how large they are, cheaply enough for
// the packet path: one shift and two atomic adds, no lock, no allocation.
//
// Buckets double from one to the next, so a quantile is known to within a factor of two.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// buckets is how many there are; the last one has no upper bound.
const buckets = 24

// counts are observations by bucket. Bucket i holds values v with
// 2^(shift+i-1) < v <= 2^(shift+i); the first one everything below, the last one everything
// above.
type counts struct {
	in  [buckets]atomic.Uint64
	sum atomic.Uint64
}

func (c *counts) observe(v uint64, shift int) {
	c.in[min(bits.Len64((max(v, 1)-1)>>shift), buckets-1)].Add(1)
	c.sum.Add(v)
}

// read divides by what one unit of the reading holds; multiplying would give bounds that are
// off in the last digit.
func (c *counts) read(shift int, unit float64) Reading {
	r := Reading{Below: make(map[float64]uint64, buckets-1)}
	for i := range buckets {
		r.Count += c.in[i].Load()
		if i < buckets-1 {
			r.Below[float64(uint64(1)<<(shift+i))/unit] = r.Count
		}
	}
	r.Sum = float64(c.sum.Load()) / unit
	return r
}

// Reading is a histogram at one moment, in the shape that Prometheus wants.
type Reading struct {
	Count uint64
	Sum   float64
	Below map[float64]uint64 // how many were at most so much, by upper bound
}

// Durations counts lengths of time from 2 µs to 9 s. The zero value is ready; any goroutine
// may use it.
type Durations struct{ counts counts }

// shortest is the upper bound of the first bucket of Durations: 2^11 ns.
const shortest = 11

// Observe counts d; what is below 0 counts as 0.
func (d *Durations) Observe(took time.Duration) { d.counts.observe(uint64(max(took, 0)), shortest) }

// Read returns what was counted, in seconds.
func (d *Durations) Read() Reading { return d.counts.read(shortest, 1e9) }

// Sizes counts how many or how much of something there is, from 1 to 4 million. The zero value
// is ready; any goroutine may use it.
type Sizes struct{ counts counts }

// Observe counts n; what is below 0 counts as 0.
func (s *Sizes) Observe(n int) { s.counts.observe(uint64(max(n, 0)), 0) }

// Read returns what was counted.
func (s *Sizes) Read() Reading { return s.counts.read(0, 1) }

// Sampler says which of many events to look at: one in 64, for asking the clock costs more
// than what is measured. It belongs to one goroutine; the zero value is ready.
type Sampler struct{ n uint8 }

// Rate is how many events there are for each one that a Sampler picks.
const Rate = 64

// Pick reports whether to look at this event.
func (s *Sampler) Pick() bool {
	s.n++
	return s.n%Rate == 0
}
