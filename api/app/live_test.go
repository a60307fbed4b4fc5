package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	load "parley/api/load/telemetry"
	"parley/api/telemetry/archive"
)

// stream reads events as an admin is told of them by server-sent events.
type stream struct {
	n      *node
	lines  *bufio.Scanner
	cursor string // the last one
}

// stream opens a stream of a room, from a cursor unless that is "".
func (n *node) stream(room, cursor string) *stream {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(n.t.Context()), 4*patience)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+"/api/v1/telemetry/stream?room="+url.QueryEscape(room), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+n.AdminToken)
	r.Header.Set("Last-Event-Id", cursor)
	r.Close = true
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { cancel(); w.Body.Close() })
	s := &stream{n: n, lines: bufio.NewScanner(w.Body)}
	if kind, _ := s.next(); kind != "ready" {
		n.t.Fatalf("a stream begins with %q", kind)
	}
	return s
}

// next returns the next message.
func (s *stream) next() (kind, data string) {
	s.n.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			s.cursor = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			if kind != "" {
				return kind, data
			}
		}
	}
	s.n.t.Fatalf("the stream ended: %v", s.lines.Err())
	return "", ""
}

// joined returns when the stream told that so many people joined, whose names nobody has seen
// before.
func (s *stream) joined(people map[string]bool, n int) {
	s.n.t.Helper()
	for range n {
		for {
			kind, data := s.next()
			var e told
			if err := json.Unmarshal([]byte(data), &e); kind != "event" || err != nil {
				s.n.t.Fatalf("%s %s, %v", kind, data, err)
			}
			if e.Name != "Joined" {
				continue
			}
			if people[e.Source] {
				s.n.t.Errorf("%s joined twice", e.Source)
			}
			people[e.Source] = true
			break
		}
	}
}

func TestStreamsShowAllNodesAndGoOnAtAny(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	at := a.stream(room, "")
	ada, bob := a.join(overWS, "ada", room), b.join(overWS, "bob", room)
	people := map[string]bool{}
	at.joined(people, 2)
	eve := b.join(overWS, "eve", room)
	dan := a.join(overWT, "dan", room)
	// At the end of what one stream has shown another begins, on the other node.
	again := b.stream(room, at.cursor)
	again.joined(people, 2)
	for _, g := range []*guest{ada, bob, eve, dan} {
		g.sync()
	}
	// What is judged is on record, and so it is of all nodes.
	asAdmin[any](a, "POST", "../telemetry/flush", "")
	asAdmin[any](b, "POST", "../telemetry/flush", "")
	sessions := asAdmin[struct {
		Sessions []struct{ Source string }
	}](a, "GET", "../telemetry/sessions?open=true&catalogue=call&room="+url.QueryEscape(room), "").Sessions
	for _, s := range sessions {
		if !people[s.Source] {
			t.Errorf("%s was not shown", s.Source)
		}
	}
	if len(sessions) != 4 {
		t.Errorf("%d are in the room", len(sessions))
	}
}

func TestTARTsSocketShowsNodesOfAllServers(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, a.address(overWS)+"/api/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	receive := func() (m struct {
		Type string
		Data map[string]any
	}) {
		t.Helper()
		if err := wsjson.Read(ctx, conn, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := receive(); m.Type != "connected" {
		t.Fatalf("%+v", m)
	}
	books, err := archive.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer books.Close()
	report, err := load.Run(ctx, load.Plan{Addr: b.Telemetry, Nodes: 2, Rate: 50, Duration: time.Second, Burst: 50, BurstEvery: 200 * time.Millisecond, Cores: 16, Seed: 7}, load.Archive{Archive: books}, patience, nil)
	if err != nil || report.Events == 0 {
		t.Fatalf("%d events, %v", report.Events, err)
	}
	nodes := map[any]bool{}
	for n := uint64(0); n < report.Events; {
		if m := receive(); m.Type == "event" {
			nodes[m.Data["node_id"]] = true
			n++
		}
	}
	if len(nodes) != 2 {
		t.Errorf("events of %v", nodes)
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"GetRecentEvents","limit":10}`)); err != nil {
		t.Fatal(err)
	}
	for m := receive(); ; m = receive() {
		if m.Type == "recent_events" {
			if m.Data["count"] != 10.0 {
				t.Errorf("%v recent events", m.Data["count"])
			}
			return
		}
	}
}
