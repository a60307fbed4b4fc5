package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/jip3"
)

// nodes is where nodes that speak JIP-3 connect.
type nodes struct{ server *jip3.Server }

var (
	nodesConnected  = desc("jip3_connections", "Nodes that are connected and send telemetry.")
	nodesAccepted   = desc("jip3_connections_total", "Connections of nodes, by whether they were let in.", "outcome")
	nodesBadHello   = desc("jip3_bad_hellos_total", "Connections that did not introduce themselves as nodes do.")
	nodesEvents     = desc("jip3_events_total", "Events received of nodes, whatever became of them.")
	nodesUnknown    = desc("jip3_events_unknown_total", "Events of kinds that the catalogue does not have. They are kept.")
	nodesUnreadable = desc("jip3_events_undecodable_total", "Events that could not be read.")
	nodesTooLarge   = desc("jip3_events_too_large_total", "Events longer than permitted.")
	nodesLimited    = desc("jip3_events_rate_limited_total", "Events beyond the rate of their source.")
	nodesLegacy     = desc("jip3_legacy_length_total", "Connections found to write lengths as LEB128, which the specification does not.")
)

// The same under the names that dashboards of TART ask for.
var (
	tartActive   = prometheus.NewDesc("telemetry_active_connections", "Nodes that are connected and send telemetry.", nil, nil)
	tartRejected = prometheus.NewDesc("telemetry_connections_rejected", "Connections of nodes that were not let in.", nil, nil)
)

// Describe implements prometheus.Collector.
func (nodes) Describe(to chan<- *prometheus.Desc) {
	describe(to, nodesConnected, nodesAccepted, nodesBadHello, nodesEvents, nodesUnknown, nodesUnreadable, nodesTooLarge, nodesLimited, nodesLegacy, tartActive, tartRejected)
}

// Collect implements prometheus.Collector.
func (n nodes) Collect(to chan<- prometheus.Metric) {
	o, c := out(to), n.server.Counters()
	o.gauge(nodesConnected, float64(c.Connections.Load()))
	o.counter(nodesAccepted, float64(c.Accepted.Load()), "accepted")
	o.counter(nodesAccepted, float64(c.Refused.Load()), "refused")
	o.gauge(tartActive, float64(c.Connections.Load()))
	o.counter(tartRejected, float64(c.Refused.Load()))
	o.counter(nodesBadHello, float64(c.BadHello.Load()))
	o.counter(nodesEvents, float64(c.Events.Load()))
	o.counter(nodesUnknown, float64(c.Unknown.Load()))
	o.counter(nodesUnreadable, float64(c.Undecodable.Load()))
	o.counter(nodesTooLarge, float64(c.TooLarge.Load()))
	o.counter(nodesLimited, float64(c.RateLimited.Load()))
	o.counter(nodesLegacy, float64(c.Legacy.Load()))
}
