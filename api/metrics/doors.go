package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/places"
)

var (
	connectionsOpen    = desc("connections", "Connections of browsers, clients and the API, before and after they have a session.")
	connectionsRefused = desc("connections_refused_total", "Connections that were not taken: the node was full, or their address was.", "cause")
)

// doors is where connections come in.
type doors struct{ places *places.Places }

func (d doors) Describe(to chan<- *prometheus.Desc) {
	describe(to, connectionsOpen, connectionsRefused)
}

func (d doors) Collect(to chan<- prometheus.Metric) {
	s := d.places.Stats()
	out(to).gauge(connectionsOpen, float64(s.Connections))
	out(to).counter(connectionsRefused, float64(s.Full), "full")
	out(to).counter(connectionsRefused, float64(s.Crowded), "crowded")
}
