package observe

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what Prometheus may ask of one node. It has a registry of its own, so that
// several nodes fit into one process. Names begin with parley_.
//
// The packet path counts in atomics of its own; Counter and Gauge read them when somebody
// asks, so being observed costs a packet nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// NewMetrics returns the metrics of the Go runtime, the process, the build and, through
// [Metrics.Request], of HTTP.
func NewMetrics(b Build) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "parley_http_request_duration_seconds",
			Help:                            "Time to answer HTTP requests, by route pattern and status.",
			Buckets:                         []float64{.001, .005, .025, .1, .5, 2.5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route", "status"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parley_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": b.Version, "git_sha": b.GitSHA},
	})
	info.Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), info, m.requests)
	return m
}

// Counter publishes a number that only grows. read is called from any goroutine and must not
// block. Labels are name and value by turns; one name may be published with several label
// values, each once, always with the same help. Publishing the same twice panics.
func (m *Metrics) Counter(name, help string, read func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: name, Help: help, ConstLabels: labelsOf(labels),
	}, read))
}

// Gauge publishes a number that goes up and down, by the rules of Counter.
func (m *Metrics) Gauge(name, help string, read func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: name, Help: help, ConstLabels: labelsOf(labels),
	}, read))
}

func labelsOf(pairs []string) prometheus.Labels {
	labels := prometheus.Labels{}
	for i := 0; i+1 < len(pairs); i += 2 {
		labels[pairs[i]] = pairs[i+1]
	}
	return labels
}

// Request counts one answered HTTP request. The route is a pattern, never a path: labels
// must not grow with what strangers ask for.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Registerer takes collectors that need more than Counter and Gauge.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registry }

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}).ServeHTTP(w, r)
}
