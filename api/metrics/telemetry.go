package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/telemetry"
)

// events is the engine of telemetry.
type events struct{ engine *telemetry.Engine }

var (
	eventsReceived = desc("telemetry_events_received_total", "Events handed to the engine of telemetry.")
	eventsStored   = desc("telemetry_events_stored_total", "Events that are in the database.")
	eventsLost     = desc("telemetry_events_lost_total", "Events that are in the ledger instead of the database.", "cause")
	eventsWaiting  = desc("telemetry_events_waiting", "Events that wait to be stored.")
	bytesWaiting   = desc("telemetry_bytes_waiting", "Memory taken by events that wait to be stored.")
	batchesStored  = desc("telemetry_batches_total", "Batches of events that are in the database.")
	batchesFailed  = desc("telemetry_batch_failures_total", "Attempts to store a batch that failed and were made again.")
	eventsCommit   = desc("telemetry_commit_seconds", "Time from the receipt of an event until it is committed to the database.")
	feeds          = desc("telemetry_sessions", "Sessions of telemetry on this node.")
)

// The same under the names that dashboards of TART ask for.
var (
	tartReceived = prometheus.NewDesc("telemetry_events_received", "Events handed to the engine of telemetry.", nil, nil)
	tartDropped  = prometheus.NewDesc("telemetry_events_dropped", "Events for which there was no room.", nil, nil)
	tartLimited  = prometheus.NewDesc("telemetry_events_rate_limited", "Events beyond what a source may send.", nil, nil)
	tartFlushed  = prometheus.NewDesc("telemetry_events_flushed", "Events that are in the database.", nil, nil)
	tartPending  = prometheus.NewDesc("telemetry_buffer_pending", "Events that wait to be stored.", nil, nil)
)

// Describe implements prometheus.Collector.
func (events) Describe(to chan<- *prometheus.Desc) {
	describe(to, eventsReceived, eventsStored, eventsLost, eventsWaiting, bytesWaiting, batchesStored, batchesFailed, eventsCommit, feeds,
		tartReceived, tartDropped, tartLimited, tartFlushed, tartPending)
}

// Collect implements prometheus.Collector.
func (e events) Collect(to chan<- prometheus.Metric) {
	o, c := out(to), e.engine.Counters()
	o.counter(eventsReceived, float64(c.Received.Load()))
	o.counter(eventsStored, float64(c.Stored.Load()))
	o.counter(batchesStored, float64(c.Batches.Load()))
	o.counter(batchesFailed, float64(c.Failures.Load()))
	o.histogram(eventsCommit, c.Commit.Read())
	for cause := range telemetry.Causes() {
		o.counter(eventsLost, float64(c.Lost[cause].Load()), cause.String())
	}
	waiting, bytes := e.engine.Waiting()
	o.gauge(eventsWaiting, float64(waiting))
	o.gauge(bytesWaiting, float64(bytes))
	o.gauge(feeds, float64(e.engine.Sessions()))

	o.counter(tartReceived, float64(c.Received.Load()))
	o.counter(tartDropped, float64(c.Lost[telemetry.QueueFull].Load()))
	o.counter(tartLimited, float64(c.Lost[telemetry.RateLimited].Load()))
	o.counter(tartFlushed, float64(c.Stored.Load()))
	o.gauge(tartPending, float64(waiting))
}
