package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/meeting"
)

// store is the way to the database.
type store struct {
	pool   func() *pgxpool.Stat
	ledger *meeting.Ledger
}

var (
	connectionsDesc = desc("postgres_connections", "Connections to the database: used, idle, or being opened.", "state")
	mostDesc        = desc("postgres_connections_max", "How many connections there can be.")
	acquiresDesc    = desc("postgres_acquires_total", "How often a connection was taken from the pool.")
	waitsDesc       = desc("postgres_waits_total", "How often there was none and somebody had to wait.")
	abandonedDesc   = desc("postgres_abandoned_total", "How often somebody gave up waiting.")
	waitedDesc      = desc("postgres_acquire_seconds_total", "Time spent on taking connections from the pool.")
	pendingDesc     = desc("ledger_pending_writes", "Comings and goings that are not yet on record.")
	givenUpDesc     = desc("ledger_given_up_total", "Comings and goings that never get on record, for too many waited for the database: brief are those of people who came and left meanwhile.", "whose")
)

// Describe implements prometheus.Collector.
func (store) Describe(to chan<- *prometheus.Desc) {
	describe(to, connectionsDesc, mostDesc, acquiresDesc, waitsDesc, abandonedDesc, waitedDesc, pendingDesc, givenUpDesc)
}

// Collect implements prometheus.Collector.
func (s store) Collect(to chan<- prometheus.Metric) {
	o, p := out(to), s.pool()
	o.gauge(connectionsDesc, float64(p.AcquiredConns()), "used")
	o.gauge(connectionsDesc, float64(p.IdleConns()), "idle")
	o.gauge(connectionsDesc, float64(p.ConstructingConns()), "opening")
	o.gauge(mostDesc, float64(p.MaxConns()))
	o.counter(acquiresDesc, float64(p.AcquireCount()))
	o.counter(waitsDesc, float64(p.EmptyAcquireCount()))
	o.counter(abandonedDesc, float64(p.CanceledAcquireCount()))
	o.counter(waitedDesc, p.AcquireDuration().Seconds())
	o.gauge(pendingDesc, float64(s.ledger.Pending()))
	spared, lost := s.ledger.GivenUp()
	o.counter(givenUpDesc, float64(spared), "brief")
	o.counter(givenUpDesc, float64(lost), "others")
}
