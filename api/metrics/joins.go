package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/api/media"
	"parley/api/observe"
)

// Results of a join that are not the code of a fault.
const (
	Joined      = "ok"
	NoHandshake = "no_handshake" // the connection did not come about
)

// Joins counts attempts to get into a room.
type Joins struct {
	results *prometheus.CounterVec
	took    *prometheus.HistogramVec
}

// NewJoins returns joins that m tells of.
func NewJoins(m *observe.Metrics) *Joins {
	j := &Joins{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_joins_total", Help: "Attempts to get into a room: ok, or the code of why not.",
		}, []string{"transport", "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_join_duration_seconds", Help: "Time from the request for a connection until the session takes part in the room.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"transport"}),
	}
	for _, transport := range []media.Transport{media.WebSocket, media.WebTransport} {
		j.results.WithLabelValues(string(transport), Joined) // a rate needs a zero to begin with
		j.took.WithLabelValues(string(transport))
	}
	m.Registerer().MustRegister(j.results, j.took)
	return j
}

// Count counts one attempt; result is Joined, NoHandshake or the code of a fault.
func (j *Joins) Count(over media.Transport, result string, took time.Duration) {
	j.results.WithLabelValues(string(over), result).Inc()
	if result == Joined {
		j.took.WithLabelValues(string(over)).Observe(took.Seconds())
	}
}
