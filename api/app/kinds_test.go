package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/media/mediatest"
	"parley/api/token"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

// audience hears of events of calls on one node as they come.
type audience struct {
	n     *node
	lines *bufio.Scanner
	heard map[string]bool
	leave func() // ends lines
}

// listen begins to hear.
func (n *node) listen() *audience {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(n.t.Context()), 4*patience)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+"/api/v1/telemetry/stream?catalogue=call", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+n.AdminToken)
	w, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil || w.StatusCode != http.StatusOK {
		n.t.Fatalf("stream: %v, %v", w, err)
	}
	n.t.Cleanup(func() { cancel(); _ = w.Body.Close() })
	a := &audience{n, bufio.NewScanner(w.Body), map[string]bool{}, cancel}
	a.lines.Buffer(nil, 1<<20)
	return a
}

// until waits for an event of that name, or of that name and code, and does something at each
// that comes before.
func (a *audience) until(name string, meanwhile ...func()) {
	a.n.t.Helper()
	for !a.heard[name] {
		if !a.lines.Scan() {
			a.n.t.Fatalf("no %s: %v", name, a.lines.Err())
		}
		var e struct {
			Name   string
			Fields struct{ Code string }
		}
		if data, ok := strings.CutPrefix(a.lines.Text(), "data:"); ok && json.Unmarshal([]byte(data), &e) == nil {
			a.heard[e.Name], a.heard[e.Name+" "+e.Fields.Code] = true, true
			for _, do := range meanwhile {
				do()
			}
		}
	}
}

// Every kind of event that the catalogue of calls has is on record after what it tells of has
// happened; what a node does that is told too much is in api/calls.
func TestEveryKindOfCallIsTold(t *testing.T) {
	t.Parallel() // it waits for samples
	c := newCluster(t)
	dir := t.TempDir()
	broker := serveNATS(t, dir)
	c.nats = broker.URL()
	a, b := c.start("meeting_management=true", "waiting_room_default=true"), c.start("meeting_management=true", "waiting_room_default=true")
	hears := a.listen()
	room := newRoom()
	ada := a.inside(overWS, "ada", room)
	waiting := a.inside(overWS, "bob", room)
	a.ask("ada", "POST", "/"+room+"/admit", `{"user_id":"bob"}`)
	waiting.until(callv1.MeetingPacket_PARTICIPANT_ADMITTED.String())
	_ = waiting.Close()
	bob := a.inside(overWS, "bob", room)
	ada.until("joined bob")

	// Bob meets Ada's camera in its middle, and asks for what he lacks. Gus is never seen.
	a.ask("ada", "PATCH", "/"+room, `{"waiting_room_enabled":false}`)
	cyd := b.inside(overWS, "cyd", room)
	bob.until("joined cyd")
	gus := a.inside(overWS, "gus", room)
	a.inside(overWS, "hal", room)
	gus.send(mediatest.VideoDelta("unseen"))
	ada.send(mediatest.VideoDelta("middle"))
	ada.until("keyframe for ada from bob")
	bob.send(mediatest.KeyframeRequest("ada", 0))
	ada.until("keyframe for ada from bob")
	ada.send(mediatest.VideoKey("whole"))
	bob.until("video whole from ada")
	cyd.until("video whole from ada")
	bob.send(mediatest.Prefer(ada.id, 1))
	bob.sync()
	ada.send(mediatest.Layer(1, "key", "sharp"))
	bob.until("video sharp from ada")
	bob.send(mediatest.Viewport(cyd.id))
	bob.send(mediatest.Viewport(ada.id))
	bob.sync()
	ada.send(mediatest.Layer(1, "delta", "lost"))
	ada.sync()

	// What clients report, and what they must not send.
	for _, bad := range []bool{false, true, true, false} {
		bob.send(healthPacket(t, unhappy(ada.id, bad)))
	}
	bob.send(mediatest.Wrap(callv1.PacketWrapper_MEETING, nil))
	bob.sync()

	// Bob is muted, which his client does not heed, and put out of the meeting.
	a.ask("ada", "POST", "/"+room+"/mute", `{"user_id":"bob"}`)
	bob.until(callv1.MeetingPacket_HOST_MUTE_PARTICIPANT.String())
	bob.send(mediatest.Audio("ignored"))
	bob.sync()
	asAdmin[any](a, "POST", "../telemetry/flush", "")
	a.ask("ada", "POST", "/"+room+"/kick", `{"user_id":"bob"}`)
	_, _ = bob.ending()

	// Attempts that come to nothing, at each step.
	stale := url.QueryEscape(a.token(token.Room{User: "bob", Room: room, DisplayName: "bob"}, time.Minute))
	for _, path := range []string{"/lobby?token=garbage", "/lobby?token=" + stale} {
		if g, err := a.dial(overWS, path); err == nil {
			_, _ = (&guest{Client: g, c: c, ctx: t.Context()}).ending()
		}
	}
	if w, err := http.Get(a.HTTP + "/lobby?token=" + url.QueryEscape(a.token(token.Room{User: "ada", Room: room, DisplayName: "ada"}, time.Minute))); err != nil {
		t.Error(err)
	} else if _ = w.Body.Close(); w.StatusCode < 400 {
		t.Errorf("a request that is no handshake is answered %s", w.Status)
	}

	// Connections that break: Ada comes back, Eve does not.
	eve := a.inside(overWS, "eve", room)
	ada.until("joined eve")
	ada.Cut()
	hears.until("Disconnected internal")
	a.inside(overWS, "ada", room)
	hears.until("Restored")
	eve.Cut()
	broker.Close()
	hears.until("ConnectOutFailed")
	serveNATS(t, dir)
	hears.until("ConnectedOut")
	alone := newRoom()
	_ = a.inside(overWS, "fay", alone).Close()
	for _, late := range []string{"GivenUp", "SubscribeFailed", "FlowSample", "RoomClosed"} {
		hears.until(late, func() { gus.send(mediatest.VideoDelta("unseen")) })
	}

	asAdmin[any](a, "POST", "../telemetry/flush", "")
	catalogues := asAdmin[struct {
		Catalogues []struct {
			ID    string
			Kinds []struct {
				Number uint16
				Name   string
			}
		}
	}](a, "GET", "../telemetry/catalogue", "").Catalogues
	i := slices.IndexFunc(catalogues, func(c struct {
		ID    string
		Kinds []struct {
			Number uint16
			Name   string
		}
	}) bool {
		return c.ID == "call"
	})
	for _, k := range catalogues[i].Kinds {
		if k.Name == "Dropped" || k.Name == "ServerBusy" {
			continue // TestWhatWasNotTakenInIsDropped and TestABusyServerIsToBlame in api/calls
		}
		events := asAdmin[struct{ Events []told }](a, "GET", fmt.Sprintf("../telemetry/events?limit=1&catalogue=call&kinds=%d", k.Number), "").Events
		if len(events) == 0 {
			t.Errorf("nothing is told of %d %s", k.Number, k.Name)
		}
	}
	asAdmin[any](b, "POST", "../telemetry/flush", "")
	all := toldOf(b, room)
	own := eventsNamed(all, "Joined")
	for _, e := range eventsNamed(all, "FirstFrame") {
		sender := e.Fields["sender"]
		if !slices.ContainsFunc(own, func(j told) bool { return j.Source == sender }) {
			t.Errorf("a sender nobody knows: %+v", e)
		}
	}
}

// unhappy is a report of somebody who sees and hears another one, well or badly.
func unhappy(session uint64, bad bool) *healthv1.HealthPacket {
	fps, concealment, drops := 30.0, 0.0, uint64(0)
	if bad {
		fps, concealment, drops = 0, 90, 3
	}
	return &healthv1.HealthPacket{
		DatagramDropsTotal: &drops,
		PeerStats: map[string]*healthv1.PeerStats{fmt.Sprint(session): {
			AudioEnabled: true, VideoEnabled: true, AudioConcealmentPct: concealment, VideoStats: &healthv1.VideoStats{FpsReceived: fps, FramesDecoded: 100},
		}},
		TierTransitions: []*healthv1.TierTransition{{Direction: "down", Stream: "video", FromTier: "hd", ToTier: "sd", Trigger: "fps"}},
		TierDwells:      []*healthv1.TierDwell{{Tier: "hd", DwellMs: 1000}},
	}
}
