package app_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/api/media/mediatest"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

// told is an event as the API tells of it.
type told struct {
	Seq, Name, Class, Source, Room, Link string
	Fields                               map[string]any
}

// toldOf returns the events of a room, the first first.
func toldOf(n *node, room string) []told {
	n.t.Helper()
	asAdmin[any](n, "POST", "../telemetry/flush", "")
	page := asAdmin[struct{ Events []told }](n, "GET", "../telemetry/events?limit=1000&catalogue=call&room="+url.QueryEscape(room), "")
	slices.Reverse(page.Events)
	return page.Events
}

// eventsNamed returns the events of that name.
func eventsNamed(all []told, name string) []told {
	return slices.DeleteFunc(slices.Clone(all), func(e told) bool { return e.Name != name })
}

func healthPacket(t *testing.T, p *healthv1.HealthPacket) []byte {
	t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	packet, err := proto.Marshal(&callv1.PacketWrapper{PacketType: callv1.PacketWrapper_HEALTH, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestCallsAreToldFromJoinToDeparture(t *testing.T) {
	c := newCluster(t)
	n := c.start()
	room, other := newRoom(), newRoom()
	ada, bob := n.join(overWS, "ada", room), n.join(overWT, "bob", room)
	n.join(overWS, "eve", other)
	ada.until("joined bob")
	ada.send(mediatest.VideoKey("picture"))
	bob.until("video picture from ada")
	ada.send(mediatest.Audio("sound"))
	bob.until("audio sound from ada")
	for range 2 {
		bob.send(healthPacket(t, &healthv1.HealthPacket{
			SessionId: "1", MeetingId: other, ReportingUserId: []byte("mallory"), ActiveServerType: "webtransport", ActiveServerRttMs: 42,
			PeerStats: map[string]*healthv1.PeerStats{"ada": {CanSee: true, CanListen: true, AudioEnabled: true, VideoEnabled: true,
				AudioConcealmentPct: 40, VideoStats: &healthv1.VideoStats{FpsReceived: 30, BitrateKbps: 900}}},
		}))
	}
	bob.sync()
	if _, err := n.dial(overWS, "/lobby?token=garbage"); err == nil {
		t.Error("garbage is a token")
	}

	all := toldOf(n, room)
	for name, count := range map[string]int{
		"ConnectingIn": 2, "ConnectedIn": 2, "JoinStarted": 2, "Joined": 2, "PublishStarted": 2, "SubscribeStarted": 2, "FirstFrame": 2,
		"HealthSample": 2, "PeerQualityChanged": 1, "Left": 0,
	} {
		if got := len(eventsNamed(all, name)); got != count {
			t.Errorf("%d of %s, want %d: %+v", got, name, count, all)
		}
	}
	sample := eventsNamed(all, "HealthSample")[0]
	if worst := sample.Fields["concealment"].(map[string]any)["worst"]; worst != 40.0 || sample.Fields["rtt_ms"] != 42.0 || sample.Fields["transport"] != "webtransport" {
		t.Errorf("sample %+v", sample)
	}
	joined := eventsNamed(all, "Joined")
	if joined[0].Source == joined[1].Source || joined[0].Link == "" {
		t.Errorf("joined: %+v", joined)
	}
	change := eventsNamed(all, "PeerQualityChanged")[0]
	if change.Fields["quality"] != "poor" || change.Fields["media"] != "audio" || change.Source != sample.Source || change.Fields["peer"] != joined[0].Source && change.Fields["peer"] != joined[1].Source {
		t.Errorf("change %+v", change)
	}
	for _, e := range toldOf(n, other) {
		if e.Name == "HealthSample" {
			t.Error("a client reports for another room")
		}
	}
	refused := asAdmin[struct{ Events []told }](n, "GET", "../telemetry/events?catalogue=call&kinds=20", "").Events
	if len(refused) != 1 || refused[0].Room != "" || refused[0].Fields["code"] == "" {
		t.Errorf("refused: %+v", refused)
	}
	funnel := asAdmin[struct {
		Started int
		Stages  []struct {
			Name  string
			Count int
		}
	}](n, "GET", "../telemetry/funnels?catalogue=call&kind=30&room="+room, "")
	if funnel.Started != 2 || len(funnel.Stages) != 1 || funnel.Stages[0].Name != "Joined" || funnel.Stages[0].Count != 2 {
		t.Errorf("funnel %+v", funnel)
	}

	// What happens while a node stops is on record too.
	_ = ada.Close()
	bob.until("left ada")
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	all = toldOf(c.start(), room)
	left := eventsNamed(all, "Left")
	if len(left) != 2 || len(eventsNamed(all, "PublishStopped")) != 2 || len(eventsNamed(all, "Disconnected")) != 2 {
		t.Errorf("at the end: %+v", all)
	}
	codes := []any{left[0].Fields["code"], left[1].Fields["code"]}
	if !slices.Contains(codes, any("going_away")) || !slices.Contains(codes, any("bye")) {
		t.Errorf("left with %v", codes)
	}
	sessions := asAdmin[struct {
		Sessions []struct {
			Ended  json.Number `json:"ended_at"`
			Labels map[string]string
		}
	}](c.start(), "GET", "../telemetry/sessions?catalogue=call&room="+room, "").Sessions
	if len(sessions) != 2 || sessions[0].Ended == "" || sessions[1].Ended == "" || sessions[0].Labels["transport"] == sessions[1].Labels["transport"] {
		t.Errorf("sessions %+v", sessions)
	}
}

func TestReportsOfClientsHaveTheNamesOfVideocall(t *testing.T) {
	c := newCluster(t)
	n := c.start()
	room := newRoom()
	ada, bob := n.join(overWS, "ada", room), n.join(overWT, "bob", room)
	ada.until("joined bob")
	bob.send(healthPacket(t, &healthv1.HealthPacket{
		SessionId: "1", MeetingId: "elsewhere", ReportingUserId: []byte("mallory"),
		PeerStats: map[string]*healthv1.PeerStats{"ada": {CanSee: true, VideoStats: &healthv1.VideoStats{FpsReceived: 24}}},
	}))
	bob.sync()
	public, internal := c.page(n.HTTP+"/metrics"), c.page(n.Debug+"/metrics")
	for _, want := range []string{
		`videocall_video_fps{from_peer="bob",meeting_id="` + room + `"`, `videocall_server_unique_users_active{customer_email="ada",meeting_id="` + room + `"`,
		"videocall_health_reports_total 1\n",
	} {
		if !strings.Contains(internal, want) {
			t.Errorf("no %s in %s", want, internal)
		}
	}
	if strings.Contains(public, "videocall_") {
		t.Error("strangers see who is in a call")
	}
}
