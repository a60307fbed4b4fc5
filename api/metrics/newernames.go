package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	healthv1 "parley/protobuf/health/v1"
)

// Names that dashboards of newer versions of videocall-rs ask for besides, and the fields of
// reports that they show.
var (
	newerOfClients = fields{
		"client_tab_visible": "is_tab_visible", "client_tab_throttled": "is_tab_throttled",
		"client_memory_used_bytes": "memory_used_bytes", "client_memory_total_bytes": "memory_total_bytes",
		"client_wasm_memory_bytes": "wasm_memory_bytes", "client_agent_memory_bytes": "agent_memory_bytes",
		"client_send_queue_bytes": "send_queue_bytes", "client_packets_received_per_sec": "packets_received_per_sec",
		"client_packets_sent_per_sec": "packets_sent_per_sec", "client_battery_level": "client_battery_level",
		"client_battery_charging": "client_battery_charging", "client_network_downlink_max": "client_network_downlink_max",
		"client_cpu_throttled": "client_cpu_throttled", "client_render_fps": "render_fps", "capability_score": "client_capability_score",
		"adaptive_video_tier": "adaptive_video_tier", "adaptive_audio_tier": "adaptive_audio_tier", "adaptive_screen_tier": "adaptive_screen_tier",
		"datagram_drops": "datagram_drops_total", "websocket_drops": "websocket_drops_total",
		"keyframe_requests_sent_total": "keyframe_requests_sent_total", "rtt_probe_dropped_total": "rtt_probe_dropped_total",
		"rtt_probe_stale_suppressions_total": "rtt_probe_stale_suppressions_total", "screen_sharing_active": "screen_sharing_active",
		"encoder_output_fps": "encoder_output_fps", "encoder_target_bitrate_kbps": "encoder_target_bitrate_kbps",
		"audio_congestion_ceiling": "audio_congestion_ceiling",
	}.metrics(&healthv1.HealthPacket{}, client)
	newerOfBudgets = fields{
		"decode_budget_effective_cap": "effective_cap", "decode_budget_natural": "natural", "decode_budget_pressured": "pressured",
		"decode_budget_override_mode": "override_mode", "decode_budget_override_fixed_n": "override_fixed_n", "decode_active_set_size": "active_set",
	}.metrics(&healthv1.DecodeBudget{}, client)
	newerOfPeers = fields{
		"video_frames_dropped": "frames_dropped_per_sec", "audio_concealment_pct": "audio_concealment_pct",
		"audio_quality_score": "audio_quality_score", "video_quality_score": "video_quality_score", "call_quality_score": "call_quality_score",
		"decoder_errors_total": "decoder_errors_total", "video_seq_loss_per_sec": "video_seq_loss_per_sec",
		"keyframe_requests_per_sec": "keyframe_requests_per_sec", "audio_datagram_loss_per_sec": "audio_datagram_loss_per_sec",
	}.metrics(&healthv1.PeerStats{}, pair)
	newerOfSound = fields{
		"neteq_target_delay_ms": "target_delay_ms", "audio_playout_latency_ms": "playout_latency_ms",
	}.metrics(&healthv1.NetEqStats{}, pair)
	newerOfVideo  = pictures("video_").metrics(&healthv1.VideoStats{}, pair)
	newerOfScreen = with(pictures("screen_video_"), "screen_video_fps", "fps_received").metrics(&healthv1.VideoStats{}, pair)

	layersDesc       = client("encoder_effective_layers", "Layers that a client may send.", "media_kind")
	activeLayersDesc = client("encoder_active_layers", "Layers that a client sends.", "media_kind")
	reelectionsDesc  = known("client_reelection_total", "How clients that looked for a better connection fared.", "meeting_id", "session_id", "result")
)

// pictures are the fields of streams of pictures.
func pictures(prefix string) fields {
	return fields{
		prefix + "bitrate_kbps": "bitrate_kbps", prefix + "playout_latency_ms": "playout_latency_ms",
		prefix + "playout_stage1_span_ms": "playout_stage1_span_ms", prefix + "playout_paint_lag_ms": "playout_paint_lag_ms",
		prefix + "content_staleness_ms": "content_staleness_ms", prefix + "skip_to_live_total": "playout_skip_to_live_total",
	}
}

// client describes a metric of one client.
func client(name, help string, more ...string) *prometheus.Desc {
	return known(name, help, append([]string{"meeting_id", "session_id", "peer_id", "display_name"}, more...)...)
}

// fields are names of fields by the names of metrics.
type fields map[string]protoreflect.Name

func with(all fields, metric string, field protoreflect.Name) fields {
	all[metric] = field
	return all
}

// shown is a field that is shown as a metric.
type shown struct {
	field protoreflect.FieldDescriptor
	desc  *prometheus.Desc
}

// metrics describes the metrics of fields of a message.
func (all fields) metrics(of proto.Message, describe func(name, help string, more ...string) *prometheus.Desc) (metrics []shown) {
	message := of.ProtoReflect().Descriptor()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		field := message.Fields().ByName(all[name])
		metrics = append(metrics, shown{field, describe(name, "As clients report: "+string(field.Name())+".")})
	}
	return metrics
}

// newer enters the fields of a message that are there; those that cannot be left out are there
// unless they are 0.
func (s series) newer(metrics []shown, of proto.Message, labels ...string) {
	message := of.ProtoReflect()
	if !message.IsValid() {
		return
	}
	for _, m := range metrics {
		if message.Has(m.field) {
			s.set(m.desc, numberOf(message.Get(m.field)), slices.Clone(labels)...)
		}
	}
}

func numberOf(v protoreflect.Value) float64 {
	switch n := v.Interface().(type) {
	case bool:
		return bit(n)
	case uint32:
		return float64(n)
	case uint64:
		return float64(n)
	case float64:
		return n
	case protoreflect.EnumNumber:
		return float64(n)
	}
	return 0
}

// newerClient enters what newer clients report of themselves.
func (s series) newerClient(p *healthv1.HealthPacket, room, session, who string) {
	labels := []string{room, session, who, p.GetDisplayName()}
	s.newer(newerOfClients, p, labels...)
	if p.DisplayName != nil && !p.GetIsTabVisible() { // which older clients do not say
		s.set(newerOfClients[slices.IndexFunc(newerOfClients, func(m shown) bool { return m.field.Name() == "is_tab_visible" })].desc, 0, slices.Clone(labels)...)
	}
	if b := p.GetDecodeBudget(); b != nil {
		s.newer(newerOfBudgets, b, labels...)
	}
	count := func(d *prometheus.Desc, kind string, n *uint32) {
		if n != nil {
			s.set(d, float64(*n), append(slices.Clone(labels), kind)...)
		}
	}
	count(layersDesc, "video", p.EffectiveVideoLayers)
	count(layersDesc, "screen", p.EffectiveScreenLayers)
	count(layersDesc, "audio", p.EffectiveAudioLayers)
	count(activeLayersDesc, "video", p.ActiveVideoLayers)
	count(activeLayersDesc, "screen", p.ActiveScreenLayers)
	count(activeLayersDesc, "audio", p.ActiveAudioLayers)
	for result, n := range map[string]*uint64{
		"proceeded": p.ReelectionProceededTotal, "aborted": p.ReelectionAbortedTotal, "preserved": p.ReelectionPreservedTotal, "failed": p.ReelectionFailedTotal,
	} {
		if n != nil {
			s.set(reelectionsDesc, float64(*n), room, session, result)
		}
	}
}

// newerPeer enters what newer clients report of how they hear and see another.
func (s series) newerPeer(p *healthv1.PeerStats, labels ...string) {
	s.newer(newerOfPeers, p, labels...)
	s.newer(newerOfSound, p.GetNeteqStats(), labels...)
	s.newer(newerOfVideo, p.GetVideoStats(), labels...)
	s.newer(newerOfScreen, p.GetScreenVideoStats(), labels...)
}

// newerDescs are all of these.
func newerDescs() []*prometheus.Desc {
	all := []*prometheus.Desc{layersDesc, activeLayersDesc, reelectionsDesc}
	for _, m := range slices.Concat(newerOfClients, newerOfBudgets, newerOfPeers, newerOfSound, newerOfVideo, newerOfScreen) {
		all = append(all, m.desc)
	}
	return all
}
