package calls

import (
	"runtime/metrics"
	"time"
)

// strained records for how long the node had more to do than it can since the last sample, if at
// all.
func (r *Recorder) strained(now time.Time) {
	if r.Busy == nil {
		return
	}
	was := r.strain
	r.strain.at, r.strain.busy = now, r.Busy()
	if busy := r.strain.busy - was.busy; busy > 0 && !was.at.IsZero() {
		r.server.say("ServerBusy", now, map[string]any{"interval_ms": milliseconds(now.Sub(was.at)), "busy_ms": milliseconds(busy)})
	}
}

// busy returns how much of one processor the process used since the last call, in percent.
func (r *Recorder) busy(seconds float64) float64 {
	samples := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(samples)
	used := samples[0].Value.Float64() - samples[1].Value.Float64()
	percent := max(0, 100*(used-r.used)/seconds)
	r.used = used
	return percent
}
