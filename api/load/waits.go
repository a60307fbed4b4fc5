package load

import (
	"math"
	"runtime/metrics"
	"time"
)

// waits is how long goroutines of this process that could run waited for a processor, since it began: who
// reads what arrived, among others.
type waits = metrics.Float64Histogram // in seconds

// schedulingMetric counts one of eight such waits.
const schedulingMetric = "/sched/latencies:seconds"

func readWaits() *waits {
	s := []metrics.Sample{{Name: schedulingMetric}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return &waits{}
	}
	return s[0].Value.Float64Histogram()
}

// waited describes the waits between two moments. Buckets are as coarse as the runtime has them, a fifth of
// what they hold; each wait counts as the upper end of its own.
func waited(before, after *waits) Quantiles {
	var h histogram
	for i, n := range after.Counts {
		if i < len(before.Counts) {
			n -= before.Counts[i]
		}
		if n == 0 {
			continue
		}
		end := after.Buckets[i+1]
		if math.IsInf(end, 1) {
			end = after.Buckets[i]
		}
		h.addSome(time.Duration(end*float64(time.Second)), n)
	}
	return quantiles(&h)
}
