package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"parley/api/telemetry"
)

// streamed opens a stream as server-sent events, and reads past its first message.
func (w world) streamed(ctx context.Context, user, query string) *bufio.Scanner {
	w.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/telemetry/stream?"+query, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", bearer(w, user, user))
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { answer.Body.Close() })
	lines := bufio.NewScanner(answer.Body)
	if name, data := next(lines); name != "ready" && name != "restarted" {
		w.Fatalf("a stream begins with %s %s", name, data)
	}
	return lines
}

// sourceOf reads an event and returns whose it is, and "" at the end of the stream.
func (w world) sourceOf(lines *bufio.Scanner) string {
	w.Helper()
	name, data := next(lines)
	if name == "lagged" {
		name, data = next(lines)
	}
	var e telemetryEvent
	if name != "" && json.Unmarshal([]byte(data), &e) != nil {
		w.Errorf("%s is no event", data)
	}
	return e.Source
}

// A name that belonged to another meeting before does not show what happened in that one, not
// even to a cursor of that time.
func TestStreamsBeginWithTheMeeting(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	room := newID()
	attempt(t, engine, "before", room)
	w.telemetry(telemetryAdmin, "POST", "flush", 200)
	w.ask("ada", "POST", "", `{"meeting_id":"`+room+`"`+noWaiting+`}`, 201)
	w.ask("ada", "POST", "/"+room+"/join", "", 200)
	early := "&cursor=c1_1"
	of := func(user string) string { return w.sourceOf(w.streamed(ctx, user, "classes=failure&room="+room+early)) }
	if got := of(telemetryAdmin); got != "before" {
		t.Errorf("an admin gets %q first", got)
	}
	attempt(t, engine, "since", room)
	if got := of("ada"); got != "since" {
		t.Errorf("the host gets %q first", got)
	}
	for list, name := range map[string]string{"events": "events", "sessions": "sessions"} {
		for _, o := range w.telemetry("ada", "GET", list+"?room="+room, 200)[name].([]any) {
			if o.(object)["source"] == "before" {
				t.Errorf("%s show %v", list, o)
			}
		}
	}
	// What is counted by minutes begins with the first one in which the earlier meeting was not.
	w.telemetry(telemetryAdmin, "POST", "flush", 200)
	for _, query := range []string{"rollups?catalogue=call", "rollups?catalogue=call&by=source&step=0", "funnels?catalogue=call&kind=30"} {
		got := w.telemetry("ada", "GET", query+"&room="+room, 200)
		points, _ := got["points"].([]any)
		since, _ := got["since"].(float64)
		if int64(since)%60_000 != 0 || since == 0 || len(points) > 0 && points[0].(object)["source"] == "before" {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// What is counted by minutes is there from the moment a meeting began whose name is new, or free
// since the minute before.
func TestCountsBeginWithTheMeeting(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	room := newID()
	at := time.Now().Add(-2 * time.Minute)
	earlier := telemetry.Session{ID: 1, Source: telemetry.Source{Catalogue: "call", Identity: "before", Scope: room, Began: at}, Ended: at}
	if err := engine.Store.Write(t.Context(), &telemetry.Batch{Sessions: []telemetry.Session{earlier}}); err != nil {
		t.Fatal(err)
	}
	w.ask("ada", "POST", "", `{"meeting_id":"`+room+`"`+noWaiting+`}`, 201)
	w.ask("ada", "POST", "/"+room+"/join", "", 200)
	attempt(t, engine, "since", room)
	w.telemetry(telemetryAdmin, "POST", "flush", 200)
	funnel := w.telemetry("ada", "GET", "funnels?catalogue=call&kind=30&room="+room, 200)
	if funnel["since"] != nil || funnel["started"] != 1.0 {
		t.Errorf("%v", funnel)
	}
	points := w.telemetry("ada", "GET", "rollups?catalogue=call&by=source&step=0&room="+room, 200)
	if got := points["points"].([]any); points["since"] != nil || len(got) != 1 || got[0].(object)["source"] != "since" {
		t.Errorf("%v", points)
	}
}

// Who is no host any more sees nothing of what comes later.
func TestStreamsEndWithTheRightToSeeThem(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	room := w.running(noWaiting)
	w.ask("bob", "POST", "/"+room+"/join", "", 200)
	w.ask("ada", "POST", "/"+room+"/grant-host", `{"user_id":"bob"}`, 200)
	ada, bob := w.streamed(ctx, "ada", "classes=failure&room="+room), w.streamed(ctx, "bob", "classes=failure&room="+room)
	attempt(t, engine, "p1", room)
	for _, lines := range []*bufio.Scanner{ada, bob} {
		if got := w.sourceOf(lines); got != "p1" {
			t.Errorf("%q instead of p1", got)
		}
	}
	w.ask("ada", "POST", "/"+room+"/revoke-host", `{"user_id":"bob"}`, 200)
	if got := w.sourceOf(bob); got != "" {
		t.Errorf("who is no host any more sees %q", got)
	}
	attempt(t, engine, "p2", room)
	if got := w.sourceOf(ada); got != "p2" {
		t.Errorf("the other host sees %q", got)
	}
}
