package ws

import (
	"testing"
	"testing/synctest"
	"time"
)

// A rate is known once a peer was behind for a while, is doubted when it no longer is, and is not known of
// who takes what they get.
func TestGauge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauge
		var taken int64
		look := func(after time.Duration, bytes int64, unsent int, queued time.Duration) (most int) {
			<-time.After(after)
			taken += bytes
			most, _ = g.look(view{taken: taken, unsent: unsent, queued: queued}, false, time.Now())
			return most
		}
		wants := func(when string, low, high int) {
			t.Helper()
			if r := g.rate(); r < low || r > high {
				t.Errorf("%s: %d bytes a second, want %d to %d", when, r, low, high)
			}
		}
		const step = 100 * time.Millisecond
		for range 20 {
			look(step, 2_500, 0, 0)
		}
		wants("all is taken at once", 0, 0)
		for range 2 {
			look(step, 2_500, 5_000, 0)
		}
		wants("not known yet", 0, 0)
		most := look(step, 2_500, 5_000, 0)
		wants("behind", 25_000, 25_000)
		if most != unsentLeast {
			t.Errorf("the kernel may hold %d bytes", most)
		}
		for range 3 {
			look(step, 5_000, 0, 2*queuedLong)
		}
		wants("what is sent waits in the network", 35_000, 40_000)
		for range 30 {
			look(step, 2_500, 5_000, 0)
		}
		wants("after a while", 25_000, 25_500)
		look(trust-step, 100_000, 0, 0)
		wants("believed", 25_000, 25_500)
		look(2*step, 0, 0, 0)
		wants("doubted", 50_000, 51_000)
		look(4*trust, 0, 0, 0)
		wants("forgotten", 0, 0)
		if most := look(step, 0, 0, 0); most != unsentMost {
			t.Errorf("the kernel may hold %d bytes", most)
		}
		for range 10 {
			look(step, 10_000_000, 5_000, 0)
		}
		wants("behind on a wide path", 0, 0)
	})
}
