package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoggerFormats(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, slog.LevelInfo, FormatAuto).Info("hello", KeyRoom, "standup", KeyTook, 1500*time.Millisecond)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "hello" || line["room"] != "standup" || line["took"] != "1.5s" {
		t.Errorf("not a terminal: %q, %v", out.String(), err)
	}
	out.Reset()
	log := NewLogger(&out, slog.LevelWarn, FormatText)
	log.Info("quiet")
	log.Warn("loud")
	if text := out.String(); strings.Contains(text, "quiet") || !strings.Contains(text, `level=WARN msg=loud`) {
		t.Errorf("text: %q", text)
	}
}

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warn": slog.LevelWarn, "error": slog.LevelError} {
		if got, err := ParseLevel(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("loud is a level")
	}
}

func TestTallyWritesOncePerSecondAndTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tally := NewTally(slog.New(slog.NewTextHandler(&out, nil)), "packet dropped")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tally.Run(ctx) }()

		for range 1000 {
			tally.Add(nil)
		}
		tally.Add(errors.New("last straw"))
		advance(1500 * time.Millisecond)
		if text := out.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "count=1001") || !strings.Contains(text, "last straw") {
			t.Errorf("after a second: %q", text)
		}
		out.Reset()
		advance(3 * time.Second)
		if out.Len() != 0 {
			t.Errorf("nothing happened: %q", out.String())
		}
		tally.Add(nil)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if text := out.String(); !strings.Contains(text, "count=1\n") {
			t.Errorf("the rest: %q", text)
		}
	})
}

// advance moves the clock of the enclosing synctest bubble.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestTallyDoesNotAllocate(t *testing.T) {
	tally := NewTally(slog.New(slog.DiscardHandler), "packet dropped")
	if n := testing.AllocsPerRun(100, func() { tally.Add(nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBuild(t *testing.T) {
	b := ReadBuild()
	for name, v := range map[string]string{"service": b.Service, "version": b.Version, "sha": b.GitSHA, "branch": b.GitBranch, "time": b.BuildTimestamp} {
		if v == "" {
			t.Errorf("%s is empty", name)
		}
	}
	var filled Build
	fill(&filled, &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2030-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	})
	if want := (Build{Version: "1.2.3", GitSHA: "abc+modified", BuildTimestamp: "2030-01-02T03:04:05Z"}); filled != want {
		t.Errorf("got %+v", filled)
	}
}

func TestMetrics(t *testing.T) {
	a, b := NewMetrics(ReadBuild()), NewMetrics(ReadBuild())
	packets := prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_packets_total", Help: "Packets."})
	packets.Add(17)
	a.Registerer().MustRegister(packets)
	secret := prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_room", Help: "A room.", ConstLabels: prometheus.Labels{"room": "board"}})
	a.Internal().MustRegister(secret)
	a.Request("GET /profile", 200, 3*time.Millisecond)

	page := scrape(t, a)
	for _, line := range []string{
		"# TYPE parley_packets_total counter", "parley_packets_total 17", "go_goroutines ", "process_open_fds ",
		`parley_http_request_duration_seconds_count{route="GET /profile",status="200"} 1`, "parley_build_info{",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("no %q in the answer", line)
		}
	}
	if strings.Contains(page, "board") {
		t.Error("strangers learn the name of a room")
	}
	if all := scrape(t, a.Everything()); !strings.Contains(all, "parley_packets_total 17") || !strings.Contains(all, `parley_room{room="board"} 0`) {
		t.Errorf("operators see %s", all)
	}
	if strings.Contains(scrape(t, b), "parley_packets_total") {
		t.Error("nodes share metrics")
	}
}

// Strangers who ask again and again are told what is known already; operators are not.
func TestStrangersDoNotMakeANodeCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(ReadBuild())
		asked := 0
		m.Registerer().MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_asked", Help: "How often."}, func() float64 {
			asked++
			return float64(asked)
		}))
		for range 100 {
			scrape(t, m)
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		scrape(t, m.Everything())
		scrape(t, m.Everything())
		if asked != 3 {
			t.Errorf("asked %d times after operators were", asked)
		}
		advance(time.Second)
		if page := scrape(t, m); !strings.Contains(page, "parley_asked 4") {
			t.Errorf("a second later: %s", page)
		}
	})
}

func scrape(t *testing.T, m http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return string(body)
}
