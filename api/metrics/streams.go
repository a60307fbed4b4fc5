package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/telemetry/live"
)

// streams are live streams of telemetry: those who look, and what goes from node to node for them.
type streams struct{ live *live.Cluster }

var (
	streamReaders   = desc("telemetry_stream_subscribers", "Who reads events as they come: here, and for each filter of another node one there.", "at")
	streamMissed    = desc("telemetry_stream_lagged_total", "Events that went by before a subscriber of this node read them, by whose they were.", "of")
	forwardedEvents = desc("telemetry_forwarded_events_total", "Events that went to other nodes, or came from them, for live streams.", "direction")
	forwardedBytes  = desc("telemetry_forwarded_bytes_total", "Bytes of answers that went to other nodes, or came from them, for live streams.", "direction")
	forwarded       = desc("telemetry_forwarded_answers_total", "Answers that went to other nodes, or came from them, for live streams.", "direction")
)

// Describe implements prometheus.Collector.
func (streams) Describe(to chan<- *prometheus.Desc) {
	describe(to, streamReaders, streamMissed, forwardedEvents, forwardedBytes, forwarded)
}

// Collect implements prometheus.Collector.
func (s streams) Collect(to chan<- prometheus.Metric) {
	o, c := out(to), s.live.Counters()
	here, elsewhere := s.live.Subscribers()
	o.gauge(streamReaders, float64(here), "here")
	o.gauge(streamReaders, float64(elsewhere), "other nodes")
	o.counter(streamMissed, float64(c.MissedOwn.Load()), "this node")
	o.counter(streamMissed, float64(c.MissedOthers.Load()), "other nodes")
	for direction, f := range map[string]*live.Forwarded{"sent": &c.To, "received": &c.From} {
		o.counter(forwardedEvents, float64(f.Events.Load()), direction)
		o.counter(forwardedBytes, float64(f.Bytes.Load()), direction)
		o.counter(forwarded, float64(f.Answers.Load()), direction)
	}
}
