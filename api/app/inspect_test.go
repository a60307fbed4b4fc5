package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/quic-go/quic-go/http3"

	"parley/api/histogram"
	"parley/api/media/mediatest"
)

// page returns what an address answers.
func (c *cluster) page(url string) string {
	c.t.Helper()
	status, body := c.get(&http.Transport{DisableKeepAlives: true}, url)
	if status != http.StatusOK {
		c.t.Fatalf("%s: %d", url, status)
	}
	return body
}

// get asks an address over a transport.
func (c *cluster) get(over http.RoundTripper, url string) (status int, body string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	w, err := over.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer w.Body.Close()
	all, err := io.ReadAll(w.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", url, err)
	}
	return w.StatusCode, string(all)
}

// What lets one look into a node is on its internal address alone.
func TestStrangersDoNotLookInside(t *testing.T) {
	n := newCluster(t).start()
	tcp, quic := &http.Transport{DisableKeepAlives: true, TLSClientConfig: insecure}, &http3.Transport{TLSClientConfig: insecure.Clone()}
	defer quic.Close()
	inside := []string{
		"/debug", "/debug/", "/debug/rooms", "/debug/sessions", "/debug/goroutines", "/debug/config", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline",
	}
	for _, path := range inside {
		if status, _ := n.get(tcp, n.Debug+path); status != http.StatusOK {
			t.Errorf("%s is %d inside", path, status)
		}
	}
	for _, path := range append(inside, "/debug/vars") { // which libraries may add to what serves them
		for over, public := range map[string]struct {
			way http.RoundTripper
			at  string
		}{"HTTP": {tcp, n.HTTP}, "HTTPS": {tcp, n.WebTransport}, "HTTP/3": {quic, n.WebTransport}} {
			if status, body := n.get(public.way, public.at+path); status != http.StatusNotFound {
				t.Errorf("%s over %s: %d %.100q", path, over, status, body)
			}
		}
	}
}

// lint returns what Prometheus would do differently on a page of metrics, but for the names that
// the dashboards of other servers look for.
func lint(t *testing.T, page string) []promlint.Problem {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(problems, func(p promlint.Problem) bool {
		return strings.HasPrefix(p.Metric, "videocall_") || strings.HasPrefix(p.Metric, "telemetry_")
	})
}

// series returns the value of a series, by its name with labels, on a page of metrics.
func series(t *testing.T, page, name string) float64 {
	t.Helper()
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Errorf("no %s", name)
	return -1
}

// histograms are those of a page of metrics that are the product's own.
var histograms = regexp.MustCompile(`(?m)^# TYPE (parley_\w+) histogram$`)

// What a node tells its operators is what happened, and strangers are told less.
func TestNodeCanBeLookedAt(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		c := newCluster(t)
		a, b := c.start("meeting_management=false"), c.start("meeting_management=false")
		room := newRoom()
		ada := a.join(over, "ada", room)
		bob := a.join(over, "bob", room)
		ada.until("joined bob")
		ada.send(mediatest.VideoDelta("middle")) // of which bob has not seen the beginning
		ada.until("keyframe for ada from bob")
		bob.send(mediatest.KeyframeRequest("ada", 0))
		ada.until("keyframe for ada from bob")
		ada.send(mediatest.KeyframeRequest("bob", 0))
		bob.until("keyframe for bob from ada")
		cyd := b.join(over, "cyd", room)
		ada.until("joined cyd")
		const packets = 2 * histogram.Rate // whichever of the two writers of a session has them, one is looked at
		for i := range packets {
			if i%16 == 0 { // who says nothing for long is sent away
				bob.send(mediatest.Heartbeat())
				cyd.send(mediatest.Heartbeat())
			}
			ada.send(mediatest.Audio("hello"))
			bob.until("audio hello from ada") // each one is written by itself
			cyd.until("audio hello from ada")
		}
		bob.sync() // what was written before the echo is counted by then
		if _, err := a.dial(over, "/lobby/ada/bad..room"); err == nil {
			t.Error("a bad room opens")
		}

		asAdmin[any](a, "POST", "../telemetry/flush", "")
		public, all := c.page(a.HTTP+"/metrics"), c.page(a.Debug+"/metrics")
		if strings.Contains(public, room) || strings.Contains(public, "parley_flag") {
			t.Error("strangers learn the names of rooms, or how flags are set")
		}
		for _, problem := range lint(t, all) {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
		transport := `transport="websocket"`
		if over == overWT {
			transport = `transport="webtransport"`
		}
		for name, want := range map[string]float64{
			`parley_sessions{standing="active",` + transport + `}`: 2,
			`parley_rooms`: 1,
			`parley_packets_total{direction="in",kind="audio"}`:             packets,
			`parley_packets_total{direction="out",kind="audio"}`:            packets,
			`parley_packets_total{direction="remote",kind="audio"}`:         0,
			`parley_joins_total{result="ok",` + transport + `}`:             2,
			`parley_join_duration_seconds_count{` + transport + `}`:         2,
			`parley_room_sessions{room="` + room + `"}`:                     2,
			`parley_room_packets_total{direction="in",room="(others)"}`:     0,
			`parley_flag{flag="meeting_management"}`:                        0,
			`parley_flag_choice{flag="path_endpoints",value="auto"}`:        1,
			`parley_nats_connected`:                                         1,
			`parley_packets_dropped_total{cause="silenced",kind="screen"}`:  0,
			`parley_ledger_pending_writes`:                                  0,
			`parley_keyframe_requests_total{by="server"}`:                   1,
			`parley_keyframe_requests_total{by="client"}`:                   2,
			`parley_packets_rejected_total{cause="forged"}`:                 0,
			`parley_joins_total{result="bad_request",` + transport + `}`:    1,
			`parley_relay_packets_dropped_total{cause="malformed"}`:         0,
			`parley_packets_dropped_total{cause="unencrypted",kind="data"}`: 0,
		} {
			if got := series(t, all, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{
			`parley_ingest_duration_seconds_count`, `parley_relay_send_duration_seconds_count`, `parley_queue_depth_frames_count`,
			`parley_queue_age_seconds_count{kind="audio"}`, `parley_write_duration_seconds_count{` + transport + `}`,
			`parley_room_packets_total{direction="out",room="` + room + `"}`,
			`parley_relay_packets_total{direction="out"}`, `parley_nats_messages_total{direction="in"}`, `go_goroutines`, `parley_postgres_connections_max`,
		} {
			if series(t, all, name) <= 0 {
				t.Errorf("%s is nothing", name)
			}
		}
		other := c.page(b.Debug + "/metrics")
		if got := series(t, other, `parley_packets_total{direction="remote",kind="audio"}`); got != packets {
			t.Errorf("%v packets from the other node, want %d", got, packets)
		}
		for _, family := range histograms.FindAllStringSubmatch(all, -1) {
			counted := regexp.MustCompile(`(?m)^` + family[1] + `_count(\{.*\})? [1-9]`)
			if !counted.MatchString(all) && !counted.MatchString(other) {
				t.Errorf("%s counts nothing on either node", family[1])
			}
		}

		var sessions []struct {
			User     string `json:"user"`
			Standing string `json:"standing"`
			In       map[string]struct{ Packets int }
		}
		if err := json.Unmarshal([]byte(c.page(a.Debug+"/debug/sessions?room="+room)), &sessions); err != nil || len(sessions) != 2 ||
			sessions[0].User != "ada" || sessions[0].Standing != "active" || sessions[0].In["audio"].Packets != packets {
			t.Errorf("sessions: %+v, %v", sessions, err)
		}
		for page, want := range map[string]string{
			"/debug/rooms": room, "/debug/flags": "meeting_management", "/debug/build": "websocket-relay",
			"/debug/nodes": b.NodeID, "/debug/goroutines": "rooms.(*Session).readLoop", "/debug/config": "null", "/debug/pprof/goroutine?debug=1": "goroutine profile",
		} {
			if text := c.page(a.Debug + page); !strings.Contains(text, want) {
				t.Errorf("%s does not have %q: %.300s", page, want, text)
			}
		}
	})
}
