package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/busy"
)

var (
	busyDesc      = desc("busy", "1 while the node has more to do than its processors can, and who sends much is held to what people need.")
	busyTimesDesc = desc("busy_total", "How often it came to that.")
)

// strained is whether the node can do what it has to.
type strained struct{ gauge *busy.Gauge }

func (s strained) Describe(to chan<- *prometheus.Desc) { describe(to, busyDesc, busyTimesDesc) }

func (s strained) Collect(to chan<- prometheus.Metric) {
	is := 0.0
	if s.gauge.Busy() {
		is = 1
	}
	out(to).gauge(busyDesc, is)
	out(to).counter(busyTimesDesc, float64(s.gauge.Times()))
}
