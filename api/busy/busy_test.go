package busy

import (
	"context"
	"testing"
	"testing/synctest"
)

// buckets are those of the waits in these tests, in seconds.
var buckets = []float64{0, 0.001, 0.002, 1}

func TestBusy(t *testing.T) {
	g := New()
	counts := make([]uint64, 3)
	look := func(quick, slow uint64, want bool) {
		t.Helper()
		counts[0] += quick
		counts[2] += slow
		if g.note(counts, buckets); g.Busy() != want {
			t.Errorf("after %d short waits and %d long ones: %v", quick, slow, g.Busy())
		}
	}
	look(1000, 0, false)
	look(500, 500, false)
	look(1000, 0, false) // once may be chance
	look(500, 500, false)
	look(500, 500, true)
	look(500, 500, true)
	for range int(relief/every) - 1 {
		look(1000, 0, true)
	}
	look(1000, 0, false)
	look(0, least-1, false) // it has nothing to do
	look(0, least-1, false)
	if g.Times() != 1 {
		t.Errorf("it became busy %d times, want once", g.Times())
	}
	if g.Spent() != 2*every {
		t.Errorf("it was busy for %v", g.Spent())
	}
}

func TestGaugeRunsUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*every)
		defer cancel()
		if err := New().Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
