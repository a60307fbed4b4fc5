package calls

import "runtime/metrics"

// busy returns how much of one processor the process used since the last call, in percent.
func (r *Recorder) busy(seconds float64) float64 {
	samples := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(samples)
	used := samples[0].Value.Float64() - samples[1].Value.Float64()
	percent := max(0, 100*(used-r.used)/seconds)
	r.used = used
	return percent
}
