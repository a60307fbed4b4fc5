package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/intake"
	"parley/api/places"
	"parley/api/wt"
)

var (
	connectionsOpen    = desc("connections", "Connections of browsers, clients and the API, before and after they have a session.")
	connectionsRefused = desc("connections_refused_total", "Connections that were not taken: the node was full, or their address was.", "cause")
	connectionsUnasked = desc("connections_unasked_total", "Connections that ended before they asked for anything: handshakes and requests that were not finished, scanners, health checks, and what browsers keep in reserve; by what is beneath them.", "network")
	hellosDropped      = desc("handshake_packets_dropped_total", "QUIC packets that might have begun a connection and were dropped unanswered: too many came from their port or address.")
	streamsRefused     = desc("streams_refused_total", "Streams of WebTransport clients that were reset: their packet was too large or did not end in time, too much was under way, or nothing takes such streams.", "cause")
	intakeHeld         = desc("intake_bytes", "Memory of packets on their way in until their session takes them, beside a little of each connection.")
	intakeMost         = desc("intake_limit_bytes", "What they may take.")
	intakeGivenUp      = desc("intake_given_up_total", "Packets on their way in that had to give way to others or found no room; their stream is reset, or their session ends.")
)

// doors is where connections come in.
type doors struct {
	places  *places.Places
	streams *wt.Refusals
	intake  *intake.Intake
}

func (d doors) Describe(to chan<- *prometheus.Desc) {
	describe(to, connectionsOpen, connectionsRefused, connectionsUnasked, hellosDropped, streamsRefused, intakeHeld, intakeMost, intakeGivenUp)
}

func (d doors) Collect(to chan<- prometheus.Metric) {
	s := d.places.Stats()
	out(to).gauge(connectionsOpen, float64(s.Connections))
	out(to).counter(connectionsRefused, float64(s.Full), "full")
	out(to).counter(connectionsRefused, float64(s.Crowded), "crowded")
	out(to).counter(connectionsUnasked, float64(s.TCP), "tcp")
	out(to).counter(connectionsUnasked, float64(s.UDP), "udp")
	out(to).counter(hellosDropped, float64(s.Hellos))
	for why, n := range d.streams.All() {
		out(to).counter(streamsRefused, float64(n), why.String())
	}
	in := d.intake.Stats()
	out(to).gauge(intakeHeld, float64(in.Held))
	out(to).gauge(intakeMost, float64(in.Most))
	out(to).counter(intakeGivenUp, float64(in.GivenUp))
}
