package load

import (
	"math"
	"runtime"
	"testing"
)

// What waited between two looks counts, as long as it did, and nothing from before.
func TestWaitsAreThoseBetweenTwoLooks(t *testing.T) {
	ends := []float64{math.Inf(-1), 0, .001, .002, .008, math.Inf(1)}
	before := &waits{Counts: []uint64{0, 5, 7, 1, 0}, Buckets: ends}
	after := &waits{Counts: []uint64{0, 55, 47, 6, 5}, Buckets: ends}
	got := waited(before, after)
	if got.Count != 100 || !near(got.P50, 1) || !near(got.P90, 2) || !near(got.P99, 8) || got.Max != 8 {
		t.Errorf("%+v", got)
	}
	if got := waited(after, after); got.Count != 0 {
		t.Errorf("%d waits in no time", got.Count)
	}
}

func near(got, want float64) bool { return math.Abs(got-want) <= want/32 }

// This process knows how long its goroutines wait.
func TestWaitsAreMeasured(t *testing.T) {
	before := readWaits()
	for waited(before, readWaits()).Count == 0 { // one of eight is
		done := make(chan struct{})
		go close(done)
		<-done
		runtime.Gosched()
	}
}
