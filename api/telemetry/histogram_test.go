package telemetry_test

import (
	"math"
	"testing"

	"parley/api/telemetry"
)

func TestHistogramsSurviveBeingStored(t *testing.T) {
	var h telemetry.Histogram
	for _, v := range []float64{0, -1, math.NaN(), 1e-9, .5, 1, 99, 1e30, math.Inf(1)} {
		h.Add(v)
	}
	b, err := h.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got telemetry.Histogram
	if err := got.UnmarshalBinary(b); err != nil || got.Count() != 9 {
		t.Fatalf("%d values, %v", got.Count(), err)
	}
	for q := range 11 {
		if x := float64(q) / 10; got.Quantile(x) != h.Quantile(x) {
			t.Errorf("%v: %v became %v", x, h.Quantile(x), got.Quantile(x))
		}
	}
	for _, bad := range []string{"\x80", "\x02", "\xff\xff\xff\xff\x01\x01"} {
		if err := got.UnmarshalBinary([]byte(bad)); err == nil {
			t.Errorf("%q is a histogram", bad)
		}
	}
	var none telemetry.Histogram
	if none.Quantile(.5) != 0 || none.Count() != 0 {
		t.Error("an empty histogram has values")
	}
}

func TestQuantilesAreRightWithinFivePercent(t *testing.T) {
	var h telemetry.Histogram
	for v := 1; v <= 10_000; v++ {
		h.Add(float64(v))
	}
	for _, q := range []float64{.01, .1, .5, .9, .99, 1} {
		want := q * 10_000
		if got := h.Quantile(q); math.Abs(got-want) > want/20 {
			t.Errorf("%v: %v instead of %v", q, got, want)
		}
	}
}
