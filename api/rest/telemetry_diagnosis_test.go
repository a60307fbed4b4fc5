package rest

import (
	"fmt"
	"testing"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

// stalled records, from so many seconds ago, a call in which the camera of "ada" is on while
// no picture comes of it, and "bob" looks.
func stalled(t *testing.T, e *telemetry.Engine, room string, ago time.Duration) (ada, bob telemetry.Feed) {
	t.Helper()
	begin := func(name, session string) telemetry.Feed {
		feed, err := e.Begin(t.Context(), telemetry.Source{Catalogue: "call", Identity: name, Scope: room, Labels: map[string]string{"server": "s", "session": session}})
		if err != nil {
			t.Fatal(err)
		}
		return feed
	}
	ada, bob = begin("p-ada", "1"), begin("p-bob", "2")
	flow := func(video uint64) map[string]any {
		rate := func(packets uint64) map[string]any {
			return map[string]any{"packets": packets, "kbps": float64(packets)}
		}
		return map[string]any{"audio": rate(100), "video": rate(video), "screen": rate(0)}
	}
	now := time.Now().Add(-ago)
	for i, at := range []time.Time{now.Add(-6 * time.Second), now.Add(-4 * time.Second), now.Add(-2 * time.Second)} {
		for j, feed := range []telemetry.Feed{ada, bob} {
			emit(t, feed, uint64(i), at, "FlowSample", map[string]any{
				"interval_ms": uint64(2000), "from": flow(uint64(60 * j)), "to": flow(uint64(60 - 60*j)), "dropped": uint64(0), "waiting_frames": uint64(0), "waiting_bytes": uint64(0),
			})
		}
	}
	for _, feed := range []telemetry.Feed{ada, bob} {
		emit(t, feed, 3, now.Add(-time.Second), "ClientSample", map[string]any{
			"interval_ms": uint64(5000), "rtt_ms": 30.0, "audio_on": true, "video_on": true, "visible": true, "queue_bytes": uint64(0),
		})
	}
	emit(t, bob, 4, now.Add(-time.Second), "ReceptionSample", map[string]any{"interval_ms": uint64(5000), "left_out": uint64(0), "peers": []any{map[string]any{
		"sender": "p-ada", "session": "1", "audio_on": true, "video_on": true, "decoded": uint64(500), "buffer_ms": 60.0, "target_ms": 40.0, "screen": filled(screenType(), map[string]any{"fps": 4.0, "stale_ms": 90.0}),
	}}})
	bob.Lost(telemetry.RateLimited, 5, 2)
	return ada, bob
}

// screenType is how samples tell of a screen that is seen.
func screenType() *catalogue.Type {
	for _, f := range catalogue.Call().Named("ReceptionSample").Body.Fields {
		if f.Name != "peers" {
			continue
		}
		for _, f := range f.Type.Elem.Fields {
			if f.Name == "screen" {
				return f.Type.Elem
			}
		}
	}
	return nil
}

func TestACallIsDiagnosed(t *testing.T) {
	w, engine := newTelemetryWorld(t)
	room := w.running("")
	ada, bob := stalled(t, engine, room, 0)
	w.telemetry(telemetryAdmin, "POST", "flush", 200)

	for _, by := range []string{"ada", telemetryAdmin} {
		live := w.telemetry(by, "GET", "diagnosis?room="+room, 200)
		findings := live["findings"].([]any)
		if len(findings) != 2 {
			t.Fatalf("%s: %v", by, findings)
		}
		first := findings[0].(object)
		w.expect(first, object{"participant": "p-ada", "session": "1", "at_session": "1", "direction": "send", "media": "video", "cause": "encoder", "at": "p-ada", "sure": true})
		w.expect(first["evidence"].([]any)[0].(object), object{"measure": "no_video_ms", "value": 6000.0, "by": "server"})
		w.expect(findings[1].(object), object{"participant": "p-bob", "session": "2", "direction": "receive", "cause": "encoder", "at": "p-ada", "at_session": "1"})
		people := live["participants"].([]any)
		stream := people[1].(object)["from"].([]any)[0].(object)
		w.expect(stream, object{"sender": "p-ada", "session": "1", "fps": 0.0, "delay_ms": 90.0})
		w.expect(stream["screen"].(object), object{"fps": 4.0, "stale_ms": 90.0})
		w.expect(people[0].(object)["sends"].(object), object{"video_kbps": 0.0, "audio_kbps": 100.0})
		var lost bool
		for _, gap := range live["unknown"].([]any) {
			lost = lost || gap.(object)["count"] == "2" && gap.(object)["participant"] == "p-bob"
		}
		if !lost {
			t.Errorf("unknown: %v", live["unknown"])
		}
	}

	bob.End("bye")
	ada.End("bye")
	w.telemetry(telemetryAdmin, "POST", "flush", 200)
	before := time.Now().Add(-time.Hour).UnixMilli()
	after := w.telemetry(telemetryAdmin, "GET", fmt.Sprintf("diagnosis?session=%d&from=%d", bob.ID(), before), 200)
	if all := after["findings"].([]any); len(all) != 1 || all[0].(object)["participant"] != "p-bob" {
		t.Errorf("afterwards: %v", all)
	}
	w.telemetry("ada", "GET", fmt.Sprintf("diagnosis?session=%d", bob.ID()), 400)
	w.telemetry("ada", "GET", fmt.Sprintf("diagnosis?room=%s&session=%d", room, attempt(t, engine, "p", "elsewhere").ID()), 400)
	w.telemetry(telemetryAdmin, "GET", "diagnosis", 400)
	w.telemetry("mallory", "GET", "diagnosis?room="+room, 403)
}
