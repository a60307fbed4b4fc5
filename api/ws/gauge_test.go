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

// Who is sent little, and far away, is not slow.
func TestGaugeOfOneWhoIsSentLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, known := range []uint32{0, 10_000} {
			var g gauge
			g.measured.Store(known)
			g.at.Store(time.Now().UnixNano())
			var v view
			for range 8 * int(trust/time.Second) {
				<-time.After(time.Second)
				v.taken += 10
				v.queued = 2 * queuedLong
				g.look(v, false, time.Now())
			}
			if r := g.rate(); r != 0 {
				t.Errorf("%d bytes a second", r)
			}
		}
	})
}

// Who has no room for a while, or cannot be reached, and then takes all at once is not slow; who stops again
// and again is, and so is a path on which nothing arrives for a moment.
func TestGaugeOfOneWhoStops(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration
		shut  bool
		slow  bool // after one pause
	}{
		"a hitch":             {pause: gaugeTime / 2, shut: true},
		"a moment":            {pause: gaugeTime, shut: true},
		"seconds":             {pause: 3 * time.Second, shut: true},
		"no network":          {pause: outage + time.Millisecond},
		"no network for long": {pause: 10 * time.Second},
		"a narrow path":       {pause: outage / 2, slow: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g gauge
				var v view
				look := func(after time.Duration, bytes int64) {
					<-time.After(after)
					if v.taken += bytes; c.shut && bytes == 0 {
						v.shut += after
					}
					v.unsent = unsentMost - 1
					g.look(v, true, time.Now())
				}
				look(0, 0)
				look(c.pause, 0) // much is on its way again; that it came is not known yet
				look(time.Millisecond, 1_000)
				look(time.Millisecond, 20_000)
				if r := g.rate(); r > 0 != c.slow {
					t.Errorf("%d bytes a second after one pause", r)
				}
				const bytes = 50_000
				for range 10 {
					look(c.pause, 0)
					look(gaugeTime, bytes)
				}
				want := bytes / (c.pause + gaugeTime).Seconds()
				if r := float64(g.rate()); r < want*.8 || r > want*1.2 {
					t.Errorf("%.0f bytes a second, want %.0f", r, want)
				}
			})
		})
	}
}
