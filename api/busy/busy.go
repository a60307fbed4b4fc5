// Package busy tells when this process has more to do than its processors can: goroutines that
// could run wait for one. It asks the scheduler, so it notices as well when other processes of the
// machine take them.
package busy

import (
	"context"
	"math"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// every is the time between two looks: soon enough for people, who notice half a second.
	every = 250 * time.Millisecond

	// long is how long a goroutine may wait for a processor. It waits microseconds where there
	// are enough, and every step of getting in or of passing a packet on waits anew.
	long = 2 * time.Millisecond

	// share is the part of those who waited that may have waited for longer.
	share = 0.1

	// least is how many must have waited: what little a process does that has nothing to do may
	// be late for any reason.
	least = 30

	// looks is how many in a row make it busy.
	looks = 2

	// relief is how long it must not have been before it is not any more.
	relief = 5 * time.Second
)

// Gauge knows whether the process is busy. Any goroutine may ask it.
type Gauge struct {
	is    atomic.Bool
	times atomic.Uint64
	spent atomic.Int64 // looks while it was

	last []uint64 // counts of the last look; of Run alone
	late int      // looks in a row
	ok   time.Duration
}

// New returns a Gauge that says no until Run runs.
func New() *Gauge { return new(Gauge) }

// Busy reports whether the process has more to do than it can. It does not block.
func (g *Gauge) Busy() bool { return g.is.Load() }

// Times returns how often it became busy.
func (g *Gauge) Times() uint64 { return g.times.Load() }

// Spent returns for how long it was busy since the process began, to a quarter of a second.
func (g *Gauge) Spent() time.Duration { return time.Duration(g.spent.Load()) * every }

// Run looks now and then until ctx ends.
func (g *Gauge) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			g.is.Store(false)
			return nil
		}
		metrics.Read(sample) // it stops nothing
		if sample[0].Value.Kind() == metrics.KindFloat64Histogram {
			h := sample[0].Value.Float64Histogram()
			g.note(h.Counts, h.Buckets)
		}
	}
}

// note takes a look: counts are of all waits since the process began, by buckets of seconds.
func (g *Gauge) note(counts []uint64, buckets []float64) {
	var all, slow uint64
	for i, n := range counts {
		if i < len(g.last) {
			n -= g.last[i]
		}
		all += n
		if from := buckets[i]; !math.IsInf(from, 0) && from >= long.Seconds() {
			slow += n
		}
	}
	g.last = append(g.last[:0], counts...)
	defer func() {
		if g.late >= looks { // rather than until it is believed to be over
			g.spent.Add(1)
		}
	}()
	if all < least || float64(slow) <= share*float64(all) {
		g.late = 0
		if g.ok += every; g.ok >= relief {
			g.is.Store(false)
		}
		return
	}
	g.ok = 0
	if g.late++; g.late >= looks && g.is.CompareAndSwap(false, true) {
		g.times.Add(1)
	}
}
