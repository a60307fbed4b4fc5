// Package metrics turns what the parts of a node count into what Prometheus asks for.
//
// Nothing here runs while nobody asks: a scrape walks the parts. Names begin with parley_,
// but for those of [Clients].
// Totals of the node are for whoever reaches its public address. What is known by the name of
// a room, and how an operator set the flags, is for the internal address alone: a stranger
// who knows the name of a room may be able to enter it.
package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/busy"
	"parley/api/flags"
	"parley/api/histogram"
	"parley/api/intake"
	"parley/api/jip3"
	"parley/api/media"
	"parley/api/meeting"
	"parley/api/natsrelay"
	"parley/api/observe"
	"parley/api/places"
	"parley/api/rooms"
	"parley/api/telemetry"
	"parley/api/telemetry/live"
	"parley/api/wt"
)

// Parts are what a node is made of. All but JIP3 are required.
type Parts struct {
	Hub    *rooms.Hub
	Relay  *natsrelay.Relay
	NATS   *nats.Conn
	Pool   func() *pgxpool.Stat
	Ledger *meeting.Ledger
	Flags  *flags.Registry
	// Revision is that of the flags, the same on all nodes.
	Revision  func() int64
	Telemetry *telemetry.Engine
	Live      *live.Cluster
	JIP3      *jip3.Server // nil where no nodes connect
	Clients   *Clients
	Places    *places.Places
	Streams   *wt.Refusals
	Intake    *intake.Intake
	Busy      *busy.Gauge
}

// Register lets m answer with what the parts of a node count.
func Register(m *observe.Metrics, p Parts) {
	m.Registerer().MustRegister(hub{p.Hub}, relay{p.Relay, p.NATS}, store{p.Pool, p.Ledger}, doors{p.Places, p.Streams, p.Intake}, strained{p.Busy}, events{p.Telemetry}, streams{p.Live})
	if p.JIP3 != nil {
		m.Registerer().MustRegister(nodes{p.JIP3})
	}
	m.Internal().MustRegister(flagged{p.Flags, p.Revision}, &busiest{census: p.Hub.Census, known: map[media.RoomID]*room{}}, p.Clients)
}

// desc describes a metric by its name without parley_.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("parley_"+name, help, labels, nil)
}

// out is where a collector puts what it found.
type out chan<- prometheus.Metric

// counter puts a number that only grows.
func (o out) counter(d *prometheus.Desc, v float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// gauge puts a number that goes up and down.
func (o out) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (o out) histogram(d *prometheus.Desc, r histogram.Reading, labels ...string) {
	o <- prometheus.MustNewConstHistogram(d, r.Count, r.Sum, r.Below, labels...)
}

// describe sends the descriptions of a collector.
func describe(to chan<- *prometheus.Desc, all ...*prometheus.Desc) {
	for _, d := range all {
		to <- d
	}
}
