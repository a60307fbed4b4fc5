package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"parley/api/media"
	"parley/api/media/mediatest"
	healthv1 "parley/protobuf/health/v1"
)

// contract is what dashboards of videocall-rs ask for, and by which labels.
const contract = `
active_sessions_total meeting_id session_id
meeting_participants meeting_id
peer_connections_total meeting_id peer_id
self_audio_enabled meeting_id peer_id
self_video_enabled meeting_id peer_id
peer_can_listen from_peer meeting_id session_id to_peer
peer_can_see from_peer meeting_id session_id to_peer
peer_audio_enabled from_peer meeting_id session_id to_peer
peer_video_enabled from_peer meeting_id session_id to_peer
neteq_audio_buffer_ms from_peer meeting_id session_id to_peer
neteq_packets_awaiting_decode from_peer meeting_id session_id to_peer
neteq_packets_per_sec from_peer meeting_id session_id to_peer
neteq_normal_ops_per_sec from_peer meeting_id session_id to_peer
neteq_expand_ops_per_sec from_peer meeting_id session_id to_peer
neteq_accelerate_ops_per_sec from_peer meeting_id session_id to_peer
neteq_fast_accelerate_ops_per_sec from_peer meeting_id session_id to_peer
neteq_preemptive_expand_ops_per_sec from_peer meeting_id session_id to_peer
neteq_merge_ops_per_sec from_peer meeting_id session_id to_peer
neteq_comfort_noise_ops_per_sec from_peer meeting_id session_id to_peer
neteq_dtmf_ops_per_sec from_peer meeting_id session_id to_peer
neteq_undefined_ops_per_sec from_peer meeting_id session_id to_peer
video_fps from_peer meeting_id session_id to_peer
video_packets_buffered from_peer meeting_id session_id to_peer
client_active_server meeting_id peer_id server_type server_url session_id
client_active_server_rtt_ms meeting_id peer_id server_type server_url session_id
health_reports_total
server_connections_active customer_email meeting_id protocol region server_instance session_id
server_unique_users_active customer_email meeting_id region
server_protocol_connections customer_email meeting_id protocol region
server_data_bytes_total customer_email direction meeting_id protocol region server_instance session_id
server_connection_events_total
metrics_service_startup_timestamp_seconds
`

// answer is what a Clients answers, by name and values of labels.
func answer(t *testing.T, c *Clients) (values map[string]float64, names []string) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values, shapes := map[string]float64{}, map[string]bool{}
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "videocall_")
		for _, m := range f.GetMetric() {
			shape, key := name, name
			for _, l := range m.GetLabel() {
				shape, key = shape+" "+l.GetName(), key+" "+l.GetValue()
			}
			shapes[shape] = true
			values[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values, slices.Sorted(maps.Keys(shapes))
}

func reported(t *testing.T, c *Clients, session, user string) {
	t.Helper()
	b, err := proto.Marshal(&healthv1.HealthPacket{
		SessionId: session, MeetingId: "room", ReportingUserId: []byte(user), ReportingAudioEnabled: true,
		ActiveServerUrl: "https://s", ActiveServerType: "webtransport", ActiveServerRttMs: 42,
		PeerStats: map[string]*healthv1.PeerStats{"2": {
			CanListen: true, AudioEnabled: true, VideoEnabled: true,
			NeteqStats: &healthv1.NetEqStats{CurrentBufferSizeMs: 60, PacketsAwaitingDecode: 3, PacketsPerSec: 50,
				Network: &healthv1.NetEqNetwork{OperationCounters: &healthv1.NetEqOperationCounters{ExpandPerSec: 7, UndefinedPerSec: 1}}},
			VideoStats: &healthv1.VideoStats{FpsReceived: 24, FramesBuffered: 2},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Health(b)
}

func TestDashboardsOfVideocallFindWhatTheyAskFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClients(nil, "i", "eu")
		ada := media.SessionStats{Member: media.Member{Session: 1, Room: "room", User: "ada", Transport: media.WebTransport}}
		again := ada
		again.Session = 3
		c.Connected(ada)
		c.Connected(again)
		ada.BytesSent, ada.BytesReceived = 700, 300
		c.Traffic(ada)
		reported(t, c, "1", "ada")
		reported(t, c, "3", "ada")
		values, names := answer(t, c)
		want := strings.Split(strings.TrimSpace(contract), "\n")
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("%q\nwant %q", names, want)
		}
		for key, want := range map[string]float64{
			"active_sessions_total room 1": 1, "meeting_participants room": 1, "self_audio_enabled room ada": 1, "self_video_enabled room ada": 0,
			"peer_can_listen ada room 1 2": 1, "peer_can_see ada room 1 2": 0, "video_fps ada room 1 2": 24, "neteq_expand_ops_per_sec ada room 3 2": 7,
			"client_active_server_rtt_ms room ada webtransport https://s 1": 42, "health_reports_total": 2,
			"server_connections_active ada room webtransport eu i 1": 1, "server_protocol_connections ada room webtransport eu": 2,
			"server_data_bytes_total ada sent room webtransport eu i 1": 700, "server_data_bytes_total ada received room webtransport eu i 1": 300,
			"server_connection_events_total": 3, "server_unique_users_active ada room eu": 1,
		} {
			if got, ok := values[key]; !ok || got != want {
				t.Errorf("%s is %v, want %v of %v", key, got, want, values)
			}
		}

		c.Disconnected(ada)
		if values, _ = answer(t, c); values["server_protocol_connections ada room webtransport eu"] != 1 || values["active_sessions_total room 3"] != 1 {
			t.Errorf("%v", values)
		}
		if _, still := values["active_sessions_total room 1"]; still {
			t.Error("who left is still reported of")
		}
		mediatest.Advance(t, reportTime+time.Second)
		if _, names = answer(t, c); slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "video_fps") }) {
			t.Error("old reports hold")
		}
	})
}
