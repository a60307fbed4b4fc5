package load

import (
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every value is in a bucket whose upper end is at most 1/32 above it.
func TestBuckets(t *testing.T) {
	for _, v := range []uint64{0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 1e6, 1e9, 1e12, math.MaxInt64} {
		b := bucketOf(v)
		if b < 0 || b >= buckets {
			t.Fatalf("%d is in bucket %d", v, b)
		}
		if up := upper(b); up < v || up > v+v/parts {
			t.Errorf("%d is in bucket %d, which ends at %d", v, b, up)
		}
		if b > 0 && upper(b-1) >= v {
			t.Errorf("%d could be in bucket %d", v, b-1)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var a, b histogram
	for i := range 1000 {
		h := &a
		if i%3 == 0 {
			h = &b
		}
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	q := quantiles(&a, &b)
	near := func(name string, got, want float64) {
		t.Helper()
		if got < want || got > want*1.04 {
			t.Errorf("%s is %v, want %v and a little", name, got, want)
		}
	}
	near("p50", q.P50, 500)
	near("p90", q.P90, 900)
	near("p99", q.P99, 990)
	near("p99.9", q.P999, 999)
	if q.Count != 1000 || q.Mean != 500.5 || q.Max != 1000 {
		t.Errorf("%+v", q)
	}
	if q := quantiles(new(histogram)); q != (Quantiles{}) {
		t.Errorf("of nothing: %+v", q)
	}
}
