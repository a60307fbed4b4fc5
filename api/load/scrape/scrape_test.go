package scrape_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/api/histogram"
	"parley/api/load/scrape"
)

const page = `# HELP go_goroutines How many there are.
# TYPE go_goroutines gauge
go_goroutines 42
# TYPE parley_dropped_total counter
parley_dropped_total{cause="flooding",kind="video"} 3
parley_dropped_total{cause="say \"no\" {}",kind="audio"} 1.5e+06
# TYPE parley_queue_age_seconds histogram
parley_queue_age_seconds_bucket{kind="audio",le="0.01"} 5
parley_queue_age_seconds_bucket{kind="audio",le="0.02"} 6
parley_queue_age_seconds_bucket{kind="audio",le="+Inf"} 7
parley_queue_age_seconds_sum{kind="audio"} 9.02
parley_queue_age_seconds_count{kind="audio"} 7
without_a_type 8
`

func TestPage(t *testing.T) {
	status, text := http.StatusOK, page
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	defer s.Close()
	p, err := scrape.Get(t.Context(), s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"go_goroutines": 42, "parley_dropped_total": 1_500_003, "without_a_type": 8, "no_such": 0} {
		if got := p.Value(name); got != want {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	if diff := cmp.Diff(map[string]float64{
		`parley_dropped_total{cause="flooding", kind="video"}`: 3, `parley_dropped_total{cause="say \"no\" {}", kind="audio"}`: 1.5e6, "without_a_type": 8,
	}, p.Values(func(name string) bool { return !strings.HasPrefix(name, "go_") })); diff != "" {
		t.Error(diff)
	}
	want := histogram.Reading{Count: 7, Sum: 9.02, Below: map[float64]uint64{.01: 5, .02: 6}}
	if diff := cmp.Diff(map[string]histogram.Reading{"audio": want}, p.Histograms("parley_queue_age_seconds", "kind")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]histogram.Reading{"": want}, p.Histograms("parley_queue_age_seconds", "node")); diff != "" {
		t.Error(diff)
	}
	if got := p.Histograms("go_goroutines", "kind"); len(got) != 0 {
		t.Errorf("a gauge is a histogram: %v", got)
	}
	text = "<html>"
	if _, err := scrape.Get(t.Context(), s.URL, nil); err == nil {
		t.Error("what is no page of metrics is taken")
	}
	status, text = http.StatusNotFound, page
	if _, err := scrape.Get(t.Context(), s.URL, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an answer that says there are none: %v", err)
	}
}
