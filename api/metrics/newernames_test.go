package metrics

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	healthv1 "parley/protobuf/health/v1"
)

// Dashboards of newer versions find what newer clients report, and nothing of what they do not.
func TestNewerDashboardsFindWhatTheyAskFor(t *testing.T) {
	c := NewClients(nil, "i", "eu")
	b, err := proto.Marshal(&healthv1.HealthPacket{
		SessionId: "1", MeetingId: "room", ReportingUserId: []byte("ada"), DisplayName: proto.String("Ada"),
		MemoryUsedBytes: proto.Uint64(1000), ClientCpuThrottled: proto.Bool(true), AdaptiveVideoTier: proto.Uint32(0),
		ActiveVideoLayers: proto.Uint32(2), ReelectionFailedTotal: proto.Uint64(4),
		DecodeBudget: &healthv1.DecodeBudget{EffectiveCap: 9, OverrideMode: healthv1.DecodeBudget_OVERRIDE_MODE_FIXED},
		PeerStats: map[string]*healthv1.PeerStats{"2": {
			AudioConcealmentPct: 1.5, CallQualityScore: proto.Float64(80),
			NeteqStats: &healthv1.NetEqStats{TargetDelayMs: 70}, VideoStats: &healthv1.VideoStats{BitrateKbps: 900},
			ScreenVideoStats: &healthv1.VideoStats{FpsReceived: 5, ContentStalenessMs: 200},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Health(b)
	values, names := answer(t, c)
	for key, want := range map[string]float64{
		"client_memory_used_bytes Ada room ada 1": 1000, "client_cpu_throttled Ada room ada 1": 1, "client_tab_visible Ada room ada 1": 0,
		"adaptive_video_tier Ada room ada 1": 0, "encoder_active_layers Ada video room ada 1": 2, "client_reelection_total room failed 1": 4,
		"decode_budget_effective_cap Ada room ada 1": 9, "decode_budget_override_mode Ada room ada 1": 2,
		"audio_concealment_pct ada room 1 2": 1.5, "call_quality_score ada room 1 2": 80, "neteq_target_delay_ms ada room 1 2": 70,
		"video_bitrate_kbps ada room 1 2": 900, "screen_video_fps ada room 1 2": 5, "screen_video_content_staleness_ms ada room 1 2": 200,
	} {
		if got, ok := values[key]; !ok || got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for _, unsaid := range []string{"client_battery_level", "video_quality_score", "decoder_errors_total", "adaptive_screen_tier"} {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, unsaid+" ") }) {
			t.Errorf("%s is there, which nobody said", unsaid)
		}
	}
}
