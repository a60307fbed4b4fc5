package metrics

import (
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/natsrelay"
)

// relay is the way to the other nodes.
type relay struct {
	relay *natsrelay.Relay
	conn  *nats.Conn
}

var (
	relayPacketsDesc = desc("relay_packets_total", "Packets handed to NATS (out) and brought by it (in).", "direction")
	relayBytesDesc   = desc("relay_bytes_total", "Bytes of those packets.", "direction")
	relayDroppedDesc = desc("relay_packets_dropped_total", "Packets that did not cross: no room in the outbox (full), too old (outdated), refused by the connection (unsent), from nobody (malformed), faster than their room took them (missed).", "cause")
	relayKeptDesc    = desc("relay_packets_kept_total", "Media packets that were not handed to NATS, for no other node takes part in their room.")
	relayFramesDesc  = desc("relay_outbox_packets", "Packets that wait for NATS.")
	relayOutboxDesc  = desc("relay_outbox_bytes", "Bytes that wait for NATS.")
	relaySendDesc    = desc("relay_send_duration_seconds", "Time from reading a media packet until it is handed to NATS."+sampled)
	relayTransitDesc = desc("relay_transit_duration_seconds", "Time of a packet between two nodes by their clocks, which are compared by the millisecond."+sampled)

	natsConnectedDesc = desc("nats_connected", "Whether NATS is in reach.")
	natsReconnectDesc = desc("nats_reconnects_total", "How often the connection to NATS came back.")
	natsPendingDesc   = desc("nats_pending_bytes", "Bytes that wait for the connection to NATS.")
	natsMessagesDesc  = desc("nats_messages_total", "Messages over the connection to NATS, of all purposes.", "direction")
	natsBytesDesc     = desc("nats_bytes_total", "Bytes over the connection to NATS, of all purposes.", "direction")
)

// Describe implements prometheus.Collector.
func (relay) Describe(to chan<- *prometheus.Desc) {
	describe(to, relayPacketsDesc, relayBytesDesc, relayDroppedDesc, relayKeptDesc, relayFramesDesc, relayOutboxDesc, relaySendDesc, relayTransitDesc,
		natsConnectedDesc, natsReconnectDesc, natsPendingDesc, natsMessagesDesc, natsBytesDesc)
}

// Collect implements prometheus.Collector.
func (r relay) Collect(to chan<- prometheus.Metric) {
	o, s := out(to), r.relay.Stats()
	o.counter(relayPacketsDesc, float64(s.Published), "out")
	o.counter(relayPacketsDesc, float64(s.Delivered), "in")
	o.counter(relayBytesDesc, float64(s.PublishedBytes), "out")
	o.counter(relayBytesDesc, float64(s.DeliveredBytes), "in")
	for cause, n := range map[string]uint64{"full": s.Dropped, "outdated": s.Outdated, "unsent": s.Unsent, "malformed": s.Malformed, "missed": s.Missed} {
		o.counter(relayDroppedDesc, float64(n), cause)
	}
	o.counter(relayKeptDesc, float64(s.Kept))
	o.gauge(relayFramesDesc, float64(s.Waiting))
	o.gauge(relayOutboxDesc, float64(s.WaitingBytes))
	send, transit := r.relay.Timings()
	o.histogram(relaySendDesc, send)
	o.histogram(relayTransitDesc, transit)

	connected := 0.0
	if r.conn.IsConnected() {
		connected = 1
	}
	o.gauge(natsConnectedDesc, connected)
	pending, err := r.conn.Buffered()
	if err != nil {
		pending = 0 // closed: nothing will be sent
	}
	o.gauge(natsPendingDesc, float64(pending))
	n := r.conn.Stats()
	o.counter(natsReconnectDesc, float64(n.Reconnects))
	o.counter(natsMessagesDesc, float64(n.OutMsgs), "out")
	o.counter(natsMessagesDesc, float64(n.InMsgs), "in")
	o.counter(natsBytesDesc, float64(n.OutBytes), "out")
	o.counter(natsBytesDesc, float64(n.InBytes), "in")
}
