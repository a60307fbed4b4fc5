package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"parley/api/client"
	"parley/api/token"
)

// collector is an OTLP receiver of traces.
type collector struct {
	t *testing.T
	*httptest.Server

	mu    sync.Mutex
	about map[string]string // the resource
	spans []*tracev1.Span
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			c.t.Error(err)
		}
	}
	raw, err := io.ReadAll(body)
	var q collectorv1.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &q)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		c.t.Errorf("%s: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range q.ResourceSpans {
		c.about = map[string]string{}
		for _, a := range resource.Resource.Attributes {
			c.about[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	answer, _ := proto.Marshal(&collectorv1.ExportTraceServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// find returns the span of a name in a trace that is part of parent, which may be nil.
func (c *collector) find(trace string, parent *tracev1.Span, name string) *tracev1.Span {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) != trace {
			continue
		}
		names = append(names, s.Name)
		if s.Name == name && (parent == nil || bytes.Equal(s.ParentSpanId, parent.SpanId)) {
			return s
		}
	}
	c.t.Fatalf("no %q among %q", name, names)
	return nil
}

// attribute returns one of s as text, or "".
func attribute(s *tracev1.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			if a.Value.GetStringValue() != "" {
				return a.Value.GetStringValue()
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

const (
	callerSpan = "00f067aa0ba902b7"
	goodTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	badTrace   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

func traceparent(trace string) string { return "00-" + trace + "-" + callerSpan + "-01" }

func (n *node) dialTraced(over way, path, trace string) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	return client.Dial(ctx, n.address(over)+path, client.Options{TLS: insecure, Header: http.Header{"Traceparent": {traceparent(trace)}}})
}

// One trace leads from what asked for it through the REST API and the lobby into the room.
func TestJoinsAndRequestsAreTraced(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		collected := newCollector(t)
		c := newCluster(t)
		c.env = map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collected.URL}
		n := c.start("meeting_management=true", "waiting_room_default=false")
		room := newRoom()

		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.HTTP+"/api/v1/meetings/"+room+"/join", strings.NewReader(`{"display_name":"Ada"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{
			"Authorization": {"Bearer " + n.signIn("ada")}, "Content-Type": {"application/json"},
			"Traceparent": {traceparent(goodTrace)}, "X-Request-Id": {"of-the-proxy"},
		}
		w, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Body.Close()
		if w.StatusCode != http.StatusOK {
			t.Fatalf("join: %d", w.StatusCode)
		}
		conn, err := n.dialTraced(over, "/lobby?token="+url.QueryEscape(n.token(token.Room{User: "ada", Room: room, Host: true}, time.Minute)), goodTrace)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Session(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := n.dialTraced(over, "/lobby?token=garbage", badTrace); err == nil {
			t.Error("garbage lets people in")
		}
		_ = c.page(n.HTTP + "/healthz")
		_ = conn.Close()
		if err := n.stop(); err != nil { // sends what is left
			t.Fatal(err)
		}

		if collected.about["service.name"] != "parley" || collected.about["service.instance.id"] != n.NodeID {
			t.Errorf("the node is %v", collected.about)
		}
		rest := collected.find(goodTrace, nil, "POST /api/v1/meetings/{id}/join")
		for key, want := range map[string]string{
			"parley.request_id": "of-the-proxy", "http.route": "/api/v1/meetings/{id}/join", "http.response.status_code": "200",
			"http.request.method": "POST", "url.path": "/api/v1/meetings/" + room + "/join",
		} {
			if got := attribute(rest, key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		query := collected.find(goodTrace, rest, "query")
		if attribute(query, "db.system.name") != "postgresql" || attribute(query, "db.query.text") == "" {
			t.Errorf("%v", query)
		}

		join := collected.find(goodTrace, nil, "join")
		transport := "websocket"
		if over == overWT {
			transport = "webtransport"
		}
		if attribute(join, "parley.room") != room || attribute(join, "parley.result") != "ok" || attribute(join, "parley.transport") != transport {
			t.Errorf("%v", join.Attributes)
		}
		for _, s := range []*tracev1.Span{rest, join} {
			if hex.EncodeToString(s.ParentSpanId) != callerSpan || s.Kind != tracev1.Span_SPAN_KIND_SERVER {
				t.Errorf("%s does not belong to who asked", s.Name)
			}
		}
		collected.find(goodTrace, collected.find(goodTrace, join, "lobby"), "check token")
		collected.find(goodTrace, join, "handshake")
		enter := collected.find(goodTrace, join, "enter room")
		for _, step := range []string{"open room", "look up the entrant", "record the entry"} {
			collected.find(goodTrace, enter, step)
		}

		refused := collected.find(badTrace, nil, "join")
		if refused.Status.GetCode() != tracev1.Status_STATUS_CODE_ERROR || attribute(refused, "parley.result") == "ok" {
			t.Errorf("refused: %v", refused)
		}
		if slices.ContainsFunc(collected.spans, func(s *tracev1.Span) bool {
			return strings.Contains(s.String(), "garbage") || attribute(s, "url.path") == "/healthz"
		}) {
			t.Error("a token, or a health check, is in a trace")
		}
	})
}

// A collector that is away costs nobody anything.
func TestNodesDoWithoutACollector(t *testing.T) {
	collected := newCollector(t)
	collected.Close()
	c := newCluster(t)
	c.env = map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collected.URL}
	n := c.start("meeting_management=false")
	n.join(overWS, "ada", newRoom()).sync()
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}
