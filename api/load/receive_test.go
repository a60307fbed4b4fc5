package load

import (
	"testing"
	"testing/synctest"
	"time"
)

// A slow receiver reads at its rate, also where it is woken late, and does not make up for what did
// not come.
func TestSlowReceiversKeepToTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &participant{room: &room{run: &run{clock: newClock(), plan: Plan{SlowKbps: 80}}}} // 10 KB/s
		reads := func(n int) time.Duration {
			began := time.Now()
			for range n {
				sleep(t.Context(), p.takeTime(1000)+30*time.Millisecond)
			}
			return time.Since(began)
		}
		reads(1)
		if took := reads(100); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("100 KB took %v", took)
		}
		<-time.After(time.Minute)
		if took := reads(100); took < 9700*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("100 KB after a pause took %v", took)
		}
	})
}
