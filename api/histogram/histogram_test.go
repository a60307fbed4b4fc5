package histogram

import (
	"math"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	var d Durations
	for _, took := range []time.Duration{-1, 0, 2048, 2049, 4096, time.Millisecond, time.Hour} {
		d.Observe(took)
	}
	r := d.Read()
	if r.Count != 7 || len(r.Below) != buckets-1 {
		t.Errorf("%d in %d buckets", r.Count, len(r.Below))
	}
	if want := (2048 + 2049 + 4096 + 1e6) * 1e-9; math.Abs(r.Sum-want-3600) > 1e-9 {
		t.Errorf("sum %v", r.Sum)
	}
	// The bounds are inclusive, as Prometheus has them.
	for bound, want := range map[float64]uint64{2.048e-6: 3, 4.096e-6: 5, 524.288e-6: 5, 1048.576e-6: 6, 8.589934592: 6} {
		if got, there := r.Below[bound]; !there || got != want {
			t.Errorf("at most %vs: %d, want %d", bound, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	var s Sizes
	for _, n := range []int{-5, 0, 1, 2, 3, 4, 5, 1 << 40} {
		s.Observe(n)
	}
	r := s.Read()
	for bound, want := range map[float64]uint64{1: 3, 2: 4, 4: 6, 8: 7, 1 << 22: 7} {
		if got := r.Below[bound]; got != want {
			t.Errorf("at most %v: %d, want %d", bound, got, want)
		}
	}
	if r.Count != 8 {
		t.Errorf("%d", r.Count)
	}
}

func TestSamplerPicksOneInSixtyFour(t *testing.T) {
	var s Sampler
	picked := 0
	for range 10 * Rate {
		if s.Pick() {
			picked++
		}
	}
	if picked != 10 {
		t.Errorf("%d", picked)
	}
}

func TestObservingDoesNotAllocate(t *testing.T) {
	var d Durations
	if n := testing.AllocsPerRun(100, func() { d.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var d Durations
	for b.Loop() {
		d.Observe(time.Millisecond)
	}
}
