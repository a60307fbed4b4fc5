package telemetry

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"parley/api/histogram"
	"parley/api/load"
	"parley/api/load/scrape"
)

// Watch is how to look at the server while a run lasts. What is zero is not looked at.
type Watch struct {
	PID     int    // of its process, if that is on this machine
	Metrics string // URL of its Prometheus metrics
	Debug   string // URL of its internal address, to have it collect garbage before memory is read
}

// Server is what the server needed for the events of a run.
type Server struct {
	Commit *Quantiles `json:"commit,omitempty"` // from the receipt of events until they were committed

	NodeCPU      float64 `json:"node_cpu_us_per_event,omitempty"`
	DatabaseCPU  float64 `json:"database_cpu_us_per_event,omitempty"` // of what the node itself started
	GeneratorCPU float64 `json:"generator_cpu_us_per_event"`

	RSSBefore uint64  `json:"rss_before_bytes,omitempty"`
	RSSMost   uint64  `json:"rss_peak_bytes,omitempty"`
	Each      float64 `json:"bytes_per_connection,omitempty"`        // that the node holds once all of them have sent
	Waiting   uint64  `json:"waiting_bytes_when_it_ended,omitempty"` // of events that were not stored when the last was sent

	Error string `json:"error,omitempty"` // why something is missing
}

// Quantiles are upper bounds: durations are known to a quarter.
type Quantiles struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
}

// state is what there was to see of a server at one moment.
type state struct {
	at        time.Time
	connected int64
	usage     load.Usage
	own       time.Duration
	live      float64 // bytes of heap and stacks
	waiting   float64
	commit    histogram.Reading
	err       error
}

const (
	lookTime = 30 * time.Second
	lookMost = 16 << 20 // bytes
)

// look looks at the server, with the garbage collected or not.
func (w *Watch) look(ctx context.Context, collected bool) (s state) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s.own = load.OwnCPU()
	if collected && w.Debug != "" {
		for range 2 { // what pools have outlives one collection
			if s.err = w.collect(ctx); s.err != nil {
				return s
			}
		}
	}
	if w.PID != 0 {
		if s.usage, s.err = load.UsageOf(w.PID); s.err != nil {
			return s
		}
	}
	if w.Metrics == "" {
		return s
	}
	page, err := scrape.Get(ctx, w.Metrics, load.Certificates(w.Metrics, false))
	if err != nil {
		s.err = fmt.Errorf("look at the server: %w", err)
		return s
	}
	s.live = page.Value("go_memstats_heap_alloc_bytes") + page.Value("go_memstats_stack_inuse_bytes")
	s.waiting = page.Value("parley_telemetry_bytes_waiting")
	s.commit = page.Histograms("parley_telemetry_commit_seconds", "")[""]
	return s
}

// collect makes the server collect its garbage.
func (w *Watch) collect(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Debug+"/debug/pprof/heap?gc=1", nil)
	if err != nil {
		return err
	}
	r.Close = true // a connection that stays would be one more thing to count
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("look at the server: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("look at the server: status %d", answer.StatusCode)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, lookMost))
	return err
}

// settle waits until nothing waits to be stored, if that can be seen, and returns what there
// is then.
func (w *Watch) settle(ctx context.Context) state {
	until := time.Now().Add(lookTime)
	for {
		s := w.look(ctx, true)
		if s.err != nil || s.waiting == 0 || time.Now().After(until) {
			return s
		}
		wait(ctx, lookAgain)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// millis returns a quantile in milliseconds; what is beyond all bounds has the last of them.
func millis(r histogram.Reading, q float64) float64 {
	v := r.Quantile(q)
	if math.IsInf(v, 1) {
		v = slices.Max(slices.Collect(maps.Keys(r.Below)))
	}
	return 1e3 * v
}

// server says what the run cost, between the moments before it, when its nodes had sent the
// last, and when all of it was on record.
func (r *run) server(before, sent, settled, after state) *Server {
	s := &Server{RSSBefore: before.usage.Resident, RSSMost: after.usage.Most, Waiting: uint64(sent.waiting)}
	for _, at := range []state{before, sent, settled, after} {
		if at.err != nil {
			s.Error = at.err.Error()
			return s
		}
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(max(r.sent.events, 1)) }
	s.NodeCPU, s.DatabaseCPU = each(after.usage.CPU-before.usage.CPU), each(after.usage.Children-before.usage.Children)
	s.GeneratorCPU = each(sent.own - before.own)
	if r.plan.Watch.Metrics == "" {
		return s
	}
	if n := settled.connected; n > 0 && settled.live > before.live {
		s.Each = (settled.live - before.live) / float64(n)
	}
	c := after.commit.Minus(before.commit)
	s.Commit = &Quantiles{Count: c.Count, P50: millis(c, .5), P99: millis(c, .99), P999: millis(c, .999)}
	return s
}

// table writes it for people, line by line.
func (s *Server) table(line func(format string, args ...any)) {
	line("")
	if s.Error != "" {
		line("the server could not be looked at: %s", s.Error)
		return
	}
	if c := s.Commit; c != nil {
		line("received to committed: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, of %d events", c.P50, c.P99, c.P999, c.Count)
	}
	database := ""
	if s.DatabaseCPU > 0 {
		database = fmt.Sprintf(" %.1f us of its database,", s.DatabaseCPU)
	}
	line("an event took %.1f us of the node,%s %.1f us of the generator", s.NodeCPU, database, s.GeneratorCPU)
	if s.Each > 0 {
		line("a connection takes %.1f KiB of the node; its process had %d MiB before and %d MiB at most", s.Each/1024, s.RSSBefore>>20, s.RSSMost>>20)
	}
}
