package histogram

import (
	"math"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	var w Waits
	w.Observe(-1, 1)
	w.Observe(1<<15, 1)
	w.Observe(1<<15+1, 1)
	w.Observe(100*time.Millisecond, 96)
	w.Observe(time.Hour, 1)
	r := w.Read()
	if r.Count != 100 || len(r.Below) != waitBuckets-1 {
		t.Errorf("%d in %d buckets", r.Count, len(r.Below))
	}
	if want := 2*float64(1<<15)*1e-9 + 9.6 + 3600; math.Abs(r.Sum-want) > 1e-6 {
		t.Errorf("sum %v", r.Sum)
	}
	for q, want := range map[float64]float64{
		.01: 1 << 14, .02: 1 << 15, .03: 1<<15 + 1<<13, // two in a bucket, one in the next
		.51: 1<<26 + 1<<24 + 1<<23, .99: 1<<26 + 1<<25, // 96 in one bucket, of which it is the 48th and the last
	} {
		if got := r.Quantile(q); math.Abs(got-want/1e9) > 1e-12 {
			t.Errorf("%v: %v, want %v", q, got, want/1e9)
		}
	}
	if got := r.Quantile(1); !math.IsInf(got, 1) {
		t.Errorf("all: %v", got)
	}
	later := w.Read().Minus(r)
	if later.Count != 0 || later.Quantile(.5) != 0 {
		t.Errorf("%+v", later)
	}
	w.Observe(time.Second, 1)
	if later = w.Read().Minus(r); later.Count != 1 || later.Quantile(1) != 1.073741824 {
		t.Errorf("%+v", later)
	}
}

func TestBoundsOfWaitsGrowAndHoldWhatIsInThem(t *testing.T) {
	for i := range waitBuckets - 1 {
		bound := waitBound(i)
		if waitBucket(bound) != i || waitBucket(bound+1) != i+1 {
			t.Errorf("bucket %d: %d and the next are in %d and %d", i, bound, waitBucket(bound), waitBucket(bound+1))
		}
	}
}
