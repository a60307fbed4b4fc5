// Package scrape reads what a server tells Prometheus.
package scrape

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"parley/api/histogram"
)

// A look at a server ends after patience, and reads no more than most bytes: ten times what a Parley
// with many rooms tells.
const (
	patience = 20 * time.Second
	most     = 16 << 20
)

// Page is what a server told at one moment, by name of the metric.
type Page map[string]*dto.MetricFamily

// Get asks for the page at url, whose certificate is checked as certificates says (nil is as usual).
// It gives up after twenty seconds.
func Get(ctx context.Context, url string, certificates *tls.Config) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	look := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: certificates,
		DisableKeepAlives: true, // a connection that stays would be one more thing to count
	}}
	answer, err := look.Do(r)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: status %d", answer.StatusCode)
	}
	return Parse(io.LimitReader(answer.Body, most))
}

// Parse reads a page in the text format.
func Parse(text io.Reader) (Page, error) {
	parse := expfmt.NewTextParser(model.UTF8Validation)
	page, err := parse.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return page, nil
}

// Value returns the sum of all series of a counter or a gauge, 0 when there is none of that name.
func (p Page) Value(name string) (sum float64) {
	for _, m := range p[name].GetMetric() {
		sum += value(m)
	}
	return sum
}

// value returns that of a counter, a gauge, or what does not say which of them it is.
func value(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}

// Values returns what counters and gauges whose names are wanted say, by name and labels.
func (p Page) Values(wanted func(name string) bool) map[string]float64 {
	all := make(map[string]float64)
	for name, family := range p {
		if !wanted(name) || family.GetType() == dto.MetricType_HISTOGRAM || family.GetType() == dto.MetricType_SUMMARY {
			continue
		}
		for _, m := range family.GetMetric() {
			series := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
			for _, l := range m.GetLabel() {
				series[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			all[series.String()] = value(m)
		}
	}
	return all
}

// Histograms returns those of a name by the value of one of their labels, "" for what does not have
// it. Of those that share a value one is returned.
func (p Page) Histograms(name, label string) map[string]histogram.Reading {
	all := make(map[string]histogram.Reading)
	for _, m := range p[name].GetMetric() {
		h := m.GetHistogram()
		if h == nil {
			continue
		}
		r := histogram.Reading{Count: h.GetSampleCount(), Sum: h.GetSampleSum(), Below: make(map[float64]uint64, len(h.GetBucket()))}
		for _, b := range h.GetBucket() {
			if bound := b.GetUpperBound(); !math.IsInf(bound, 1) { // which is the count
				r.Below[bound] = b.GetCumulativeCount()
			}
		}
		all[labelOf(m, label)] = r
	}
	return all
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
