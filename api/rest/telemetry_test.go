package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
)

const telemetryAdmin = "root@example.org"

// newTelemetryWorld is a world whose API has telemetry.
func newTelemetryWorld(t *testing.T) (world, *telemetry.Engine) {
	t.Helper()
	database := postgrestest.URL(t)
	rooms := newRooms(t, database)
	store, err := archive.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	var all []telemetry.Catalogue
	for _, c := range catalogue.All() {
		all = append(all, c.ForEngine())
	}
	engine, err := telemetry.New(telemetry.Options{Store: store, Catalogues: all, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	ending := make(chan struct{})
	a := newAPI(t, func(o *Options) {
		o.Meetings, o.SignOuts = rooms.meetings, newSignOuts(t, database)
		o.Admin.Users = []string{telemetryAdmin}
		o.Telemetry = Telemetry{Engine: engine, Archive: store, Live: live.New(live.Options{Engine: engine, Archive: store, Log: o.Log}), Participant: strings.ToUpper}
		o.Ending = ending
	})
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ending) })
	return world{t, a, server.URL, server.Client(), rooms, specRouter(t, a)}, engine
}

// telemetry asks below /api/v1/telemetry.
func (w world) telemetry(user, method, path string, status int) object {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+"/api/v1/telemetry/"+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", bearer(w, user, user))
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	var e struct {
		Result object `json:"result"`
	}
	if err := json.Unmarshal(body, &e); err != nil || answer.StatusCode != status {
		w.Fatalf("%s %s as %s: %d %s, want %d", method, path, user, answer.StatusCode, body, status)
	}
	w.asDocumented(r, answer, body)
	return e.Result
}

// attempt records a join of a room that fails, as a session of its own.
func attempt(t *testing.T, e *telemetry.Engine, source, room string) telemetry.Feed {
	t.Helper()
	feed, err := e.Begin(t.Context(), telemetry.Source{Catalogue: "call", Identity: source, Scope: room, Parameters: map[string]uint64{"big": 1<<64 - 1}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	emit(t, feed, 0, at, "JoinStarted", map[string]any{"room": room})
	emit(t, feed, 1, at.Add(20*time.Millisecond), "JoinFailed", map[string]any{"join_id": uint64(0), "code": "full", "reason": "no seat"})
	return feed
}

// filled returns v with what it leaves out as nothing.
func filled(of *catalogue.Type, v any) any {
	switch of.Form {
	case catalogue.Struct:
		fields, _ := v.(map[string]any)
		all := map[string]any{}
		for _, f := range of.Fields {
			all[f.Name] = filled(f.Type, fields[f.Name])
		}
		return all
	case catalogue.List:
		given, _ := v.([]any)
		all := []any{}
		for _, e := range given {
			all = append(all, filled(of.Elem, e))
		}
		return all
	case catalogue.Option:
		return v
	case catalogue.String:
		s, _ := v.(string)
		return s
	case catalogue.Bool:
		is, _ := v.(bool)
		return is
	default:
		if v == nil {
			return uint64(0)
		}
		return v
	}
}

func emit(t *testing.T, feed telemetry.Feed, seq uint64, at time.Time, name string, fields map[string]any) {
	t.Helper()
	k := catalogue.Call().Named(name)
	body, err := k.Encode(nil, catalogue.Params{}, filled(k.Body, fields).(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	var f catalogue.Found
	if err := k.Scan(catalogue.Params{}, body, &f); err != nil {
		t.Fatal(err)
	}
	feed.Record(telemetry.Record{Catalogue: "call", Kind: k.Number, Seq: seq, At: at, Link: f.Link, Linked: f.Linked, Hot: k.Hot(&f, nil), Raw: body})
}

func TestTelemetryIsReadBackOverREST(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	room := w.running("")
	feed := attempt(t, engine, "p1", room)
	w.telemetry(telemetryAdmin, "POST", "flush", 200) // the first source is p1
	attempt(t, engine, "p2", "elsewhere").End("gave up")
	feed.Record(telemetry.Record{Kind: 999, Seq: 2, At: time.Now(), Raw: []byte{0xbe, 0xef}})
	feed.Lost(telemetry.RateLimited, 3, 40)
	w.telemetry(telemetryAdmin, "POST", "flush", 200)

	if got := w.telemetry("ada", "GET", "catalogue", 200)["catalogues"].([]any); len(got) != 2 {
		t.Errorf("%d catalogues", len(got))
	}
	sources := w.telemetry(telemetryAdmin, "GET", "sources?catalogue=call&limit=1", 200)
	first := sources["sources"].([]any)[0].(object)
	w.expect(first, object{"source": "p1", "sessions": 1.0, "open_sessions": 1.0})
	second := w.telemetry(telemetryAdmin, "GET", "sources?cursor="+sources["cursor"].(string), 200)
	w.expect(second["sources"].([]any)[0].(object), object{"source": "p2", "open_sessions": 0.0})
	w.expect(second, object{"cursor": nil})

	sessions := w.telemetry("ada", "GET", "sessions?room="+room, 200)["sessions"].([]any)
	if len(sessions) != 1 {
		t.Fatalf("%d sessions", len(sessions))
	}
	session := sessions[0].(object)
	w.expect(session, object{"session": fmt.Sprint(int64(feed.ID())), "source": "p1", "room": room, "ended_at": nil})
	w.expect(session["parameters"].(object), object{"big": "18446744073709551615"})
	ended := w.telemetry(telemetryAdmin, "GET", "sessions?source=p2", 200)["sessions"].([]any)[0].(object)
	w.expect(ended, object{"reason": "gave up"})
	w.has(ended, "ended_at")
	if open := w.telemetry(telemetryAdmin, "GET", "sessions?open=true", 200)["sessions"].([]any); len(open) != 1 {
		t.Errorf("%d open", len(open))
	}

	var events []any
	for path := "events?limit=2&room=" + room; path != ""; {
		page := w.telemetry("ada", "GET", path, 200)
		events = append(events, page["events"].([]any)...)
		path = ""
		if cursor, more := page["cursor"].(string); more {
			path = "events?limit=2&room=" + room + "&cursor=" + cursor
		}
	}
	if len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
	w.expect(events[0].(object), object{"seq": "2", "kind": 999.0, "name": "unknown", "class": "meta", "raw": "beef", "fields": nil})
	w.expect(events[1].(object), object{"seq": "1", "name": "JoinFailed", "group": "join", "class": "failure", "link": "0", "raw": nil})
	w.expect(events[1].(object)["fields"].(object), object{"code": "full", "reason": "no seat"})
	w.expect(events[2].(object), object{"seq": "0", "name": "JoinStarted", "class": "lifecycle"})
	for query, want := range map[string]int{
		"catalogue=call&kinds=30":                 2,
		"catalogue=call&groups=join":              4,
		"classes=failure":                         2,
		"source=p2":                               2,
		"session=" + fmt.Sprint(int64(feed.ID())): 3,
		"subject=:elsewhere":                      1,
		"to=1":                                    0,
		"from=1":                                  5,
	} {
		if got := w.telemetry(telemetryAdmin, "GET", "events?"+query, 200)["events"].([]any); len(got) != want {
			t.Errorf("%s: %d events instead of %d", query, len(got), want)
		}
	}

	funnel := w.telemetry("ada", "GET", "funnels?catalogue=call&kind=30&room="+room, 200)
	w.expect(funnel, object{"started": 1.0, "name": "JoinStarted"})
	stage := funnel["stages"].([]any)[0].(object)
	w.expect(stage, object{"name": "JoinFailed", "count": 1.0, "class": "failure"})
	if p50 := stage["p50"].(float64); p50 < 19 || p50 > 21 {
		t.Errorf("p50 is %v", p50)
	}
	points := w.telemetry(telemetryAdmin, "GET", "rollups?catalogue=call&kinds=31&measures=events&step=0", 200)["points"].([]any)
	w.expect(points[0].(object), object{"name": "JoinFailed", "count": 2.0, "dimension": "full", "measure": "events"})
	points = w.telemetry("ada", "GET", "rollups?catalogue=call&by=source&room="+room, 200)["points"].([]any)
	w.expect(points[0].(object), object{"kind": -1.0, "source": "p1", "count": 3.0})

	loss := w.telemetry("ada", "GET", "loss?room="+room, 200)
	w.expect(loss["total"].(object), object{"rate_limited": "40"})
	w.expect(loss["losses"].([]any)[0].(object), object{"first": "3", "last": "42", "count": "40", "cause": "rate_limited"})
}

func TestTelemetryIsForAdminsAndHosts(t *testing.T) {
	w, _ := newTelemetryWorld(t)
	room := w.running(noWaiting)
	w.ask("bob", "POST", "/"+room+"/join", "", 200)
	for path, status := range map[string]int{
		"sources": 403, "sessions": 400, "events": 400, "rollups?catalogue=call": 400, "funnels?catalogue=call&kind=30": 400, "loss": 400, "diagnosis": 400, "stream": 400, "people": 400,
	} {
		w.telemetry("ada", "GET", path, status)
	}
	w.telemetry("ada", "POST", "flush", 403)
	for _, path := range []string{"sessions", "events", "rollups?catalogue=call&", "funnels?catalogue=call&kind=30&", "loss", "diagnosis", "stream", "people"} {
		if !strings.Contains(path, "?") {
			path += "?"
		}
		w.telemetry("bob", "GET", path+"&room="+room, 403)
		w.telemetry("eve", "GET", path+"&room="+room, 403)
		w.telemetry("ada", "GET", path+"&room=no-such", 404)
	}
	if page := call(w.api, "GET", "/quality/"+room, ""); page.Code != 200 || page.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the page that shows it: %d %v", page.Code, page.Header())
	}
	wantProblem(t, call(w.api, "GET", "/api/v1/telemetry/events?room="+room, ""), 401, "UNAUTHORIZED")
}

func TestHostsAreToldWhoIsWho(t *testing.T) {
	w, _ := newTelemetryWorld(t)
	room := w.running(noWaiting)
	w.ask("bob", "POST", "/"+room+"/join", `{"display_name":"Bob"}`, 200)
	w.ask("bob", "POST", "/"+room+"/leave", "", 200)
	for _, user := range []string{"ada", telemetryAdmin} {
		names := map[any]any{}
		for _, p := range w.telemetry(user, "GET", "people?room="+room, 200)["people"].([]any) {
			names[p.(object)["participant"]] = p.(object)["name"]
		}
		if len(names) != 2 || names["ADA"] != "Ada" || names["BOB"] != "Bob" {
			t.Errorf("%s is told %v", user, names)
		}
	}
}

func TestTelemetryQuestionsThatMakeNoSense(t *testing.T) {
	w, _ := newTelemetryWorld(t)
	for query, field := range map[string]string{
		"events?kinds=x&catalogue=call": "kinds", "events?kinds=1": "catalogue", "events?groups=join": "groups", "events?classes=all": "classes",
		"events?session=-1": "session", "events?subject=xyz": "subject", "events?from=soon": "from", "events?to=999999999999999999": "to",
		"events?cursor=1": "cursor", "events?cursor=a.b.%20": "cursor", "sources?cursor=1.2": "cursor", "sessions?cursor=%00": "cursor", "loss?cursor=x": "cursor",
		"loss?causes=greed": "causes", "rollups": "catalogue", "rollups?catalogue=call&step=61": "step", "funnels?catalogue=call": "kind",
		"events?limit=many": "limit", "stream?cursor=x": "cursor", "events?number=1e3": "number",
		"events?sesion=1": "sesion", "sessions?kinds=1": "kinds", "stream?from=1": "from", "catalogue?id=call": "id", "people?room=a&of=b": "of",
		"events?source=%00": "source", "events?room=%ff": "room", "sources?source=a&source=b": "source",
		"events?catalogue=cal": "catalogue", "stream?catalogue=cal": "catalogue", "sources?catalogue=x": "catalogue",
		"events?session=0": "session", "loss?session=9223372036854775808": "session", "sessions?from=2&to=2": "to", "diagnosis?room=a&from=2&to=1": "to",
		"sessions?open=maybe": "open", "rollups?catalogue=call&by=night": "by", "rollups?catalogue=call&source=a": "source",
		"rollups?catalogue=call&by=source&kinds=1": "kinds", "funnels?catalogue=call&kind=999": "kind",
	} {
		w.expect(w.telemetry(telemetryAdmin, "GET", query, 400), object{"code": "INVALID_INPUT", "field": field})
	}
}

func TestTelemetryStreams(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	room := w.running("")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	open := func(query string) *bufio.Scanner {
		r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/telemetry/stream?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", bearer(t, "ada", "Ada"))
		answer, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return bufio.NewScanner(answer.Body)
	}
	lines := open("room=" + room + "&classes=failure")
	if name, _ := next(lines); name != "ready" {
		t.Fatalf("first is %q", name)
	}
	header := http.Header{"Authorization": {bearer(t, telemetryAdmin, "Root")}}
	conn, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"/api/v1/telemetry/stream?catalogue=call", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	receive := func(conn *websocket.Conn) (m telemetryMessage) {
		t.Helper()
		if err := wsjson.Read(ctx, conn, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := receive(conn); m.Type != "ready" {
		t.Fatalf("%+v", m)
	}
	attempt(t, engine, "p2", "elsewhere")
	attempt(t, engine, "p1", room)
	name, data := next(lines)
	var e telemetryEvent
	if err := json.Unmarshal([]byte(data), &e); err != nil || name != "event" || e.Name != "JoinFailed" || e.Source != "p1" {
		t.Errorf("%s %s, %v", name, data, err)
	}
	var cursor string
	for i, want := range []string{"p2 JoinStarted", "p2 JoinFailed", "p1 JoinStarted", "p1 JoinFailed"} {
		m := receive(conn)
		if m.Type != "event" || m.Event.Source+" "+m.Event.Name != want {
			t.Errorf("%d: %+v", i, m)
		}
		if m.Cursor != "" && cursor == "" {
			cursor = m.Cursor
		}
	}
	attempt(t, engine, "p3", room)
	again, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"/api/v1/telemetry/stream?source=p3&cursor="+cursor, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer again.CloseNow()
	receive(again)
	if m := receive(again); m.Event == nil || m.Event.Name != "JoinStarted" || m.Event.Source != "p3" {
		t.Errorf("%+v", m)
	}
	lines = open("room=" + room + "&cursor=c1_1_1.1.1")
	if name, _ := next(lines); name != "restarted" {
		t.Errorf("a cursor of another node: %q", name)
	}
}

func TestPeopleAreForgotten(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	attempt(t, engine, "ADA", "one").Lost(telemetry.RateLimited, 2, 3)
	attempt(t, engine, "ADA", "two").End("left")
	attempt(t, engine, "BOB", "one")
	w.telemetry("ada", "DELETE", "people/ada", 403)
	w.expect(w.telemetry(telemetryAdmin, "DELETE", "people/ada", 200), object{"events": 4.0})
	for list, name := range map[string]string{"sources": "sources", "sessions": "sessions", "events": "events", "loss": "losses"} {
		for _, o := range w.telemetry(telemetryAdmin, "GET", list, 200)[name].([]any) {
			if o.(object)["source"] != "BOB" {
				t.Errorf("%s: %v", list, o)
			}
		}
	}
	if got := w.telemetry(telemetryAdmin, "GET", "rollups?catalogue=call&by=source", 200)["points"].([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	w.expect(w.telemetry(telemetryAdmin, "DELETE", "people/nobody", 200), object{"events": 0.0})
}
