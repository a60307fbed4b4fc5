package observe

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Metrics is what Prometheus may ask of one node. It has a registry of its own, so that
// several nodes fit into one process. Names begin with parley_.
//
// There are two audiences. Whoever reaches the public address of a node sees totals; what has
// the names of rooms in it, or what else is nobody's business, is on the internal address.
//
// The packet path counts in atomics of its own; collectors read them when somebody asks, so
// being observed costs a packet nothing.
type Metrics struct {
	registry *prometheus.Registry // for everybody
	internal *prometheus.Registry
	requests *prometheus.HistogramVec
	public   prometheus.Gatherer // of registry
}

// NewMetrics returns the metrics of the Go runtime, the process, the build and, through
// [Metrics.Request], of HTTP.
func NewMetrics(b Build) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		internal: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "parley_http_request_duration_seconds",
			Help:                            "Time to answer HTTP requests, by route pattern and status.",
			Buckets:                         []float64{.001, .005, .025, .1, .5, 2.5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route", "status"}),
	}
	m.public = &sparing{of: m.registry}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parley_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": b.Version, "git_sha": b.GitSHA},
	})
	info.Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), info, m.requests)
	return m
}

// Request counts one answered HTTP request. The route is a pattern, never a path: labels
// must not grow with what strangers ask for.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Registerer takes collectors of what everybody may see.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registry }

// Internal takes collectors of what only operators may see.
func (m *Metrics) Internal() prometheus.Registerer { return m.internal }

// ServeHTTP answers a scrape with what everybody may see, as it was at most a second ago.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(m.public, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// Everything answers scrapes with all there is.
func (m *Metrics) Everything() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{m.registry, m.internal}, promhttp.HandlerOpts{})
}

// sparing asks at most once a second: a scrape walks all sessions, and who is a stranger could
// ask as often as they like.
type sparing struct {
	of prometheus.Gatherer

	mu    sync.Mutex // held while it asks, so that others wait for the answer
	at    time.Time
	found []*dto.MetricFamily
	err   error
}

// sparingAge is how old an answer may be.
const sparingAge = time.Second

// Gather implements prometheus.Gatherer.
func (s *sparing) Gather() ([]*dto.MetricFamily, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) >= sparingAge {
		s.found, s.err = s.of.Gather()
		s.at = time.Now()
	}
	return s.found, s.err
}
