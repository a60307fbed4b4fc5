package calls

import (
	"cmp"
	"math"
	"slices"
	"time"

	healthv1 "parley/protobuf/health/v1"
)

// mostReceptions is how many others a report is kept of, those that are worst heard and seen.
const mostReceptions = 64

// reportOf records what a client measured of itself, and how it hears and sees each of the
// others.
func (r *Recorder) reportOf(c *call, p *healthv1.HealthPacket, interval time.Duration, now time.Time) {
	// Clients that say nothing of their queue do not say either whether anybody sees them.
	c.say("ClientSample", now, map[string]any{
		"interval_ms": milliseconds(interval), "rtt_ms": finite(p.GetActiveServerRttMs()),
		"audio_on": p.GetReportingAudioEnabled(), "video_on": p.GetReportingVideoEnabled(), "screen_on": p.GetScreenSharingActive(),
		"visible": p.GetIsTabVisible() || p.SendQueueBytes == nil, "throttled": p.GetIsTabThrottled() || p.GetClientCpuThrottled(),
		"encoder_fps": optional(p.EncoderOutputFps, float64(p.GetEncoderOutputFps())), "encode_ms": measured(p.AvgEncodeLatencyMs), "target_kbps": measured(p.EncoderTargetBitrateKbps),
		"encoder_errors": sum(p.CameraEncoderErrorsClosedCodec, p.CameraEncoderErrorsVpxMemAlloc, p.CameraEncoderErrorsConfigureFatal, p.CameraEncoderErrorsGeneric),
		"queue_bytes":    sum(p.SendQueueBytes), "drops": sum(p.DatagramDropsTotal, p.WebsocketDropsTotal),
		"sent_pps": measured(p.PacketsSentPerSec), "received_pps": measured(p.PacketsReceivedPerSec),
		"main_thread": measured(p.ClientMainThreadLoad), "render_fps": measured(p.RenderFps), "decode_pressed": p.GetDecodeBudget().GetPressured(),
		"screen_errors": sum(p.ScreenEncoderErrorsClosedCodec, p.ScreenEncoderErrorsVpxMemAlloc, p.ScreenEncoderErrorsConfigureFatal, p.ScreenEncoderErrorsGeneric),
		"camera_frames": sum(p.CameraEncoderFramesSubmittedOk), "screen_frames": sum(p.ScreenEncoderFramesSubmittedOk),
		"encoder_queue": measured(p.EncoderP75PeerFps), "ceiling_ms": measured(p.CrashCeilingDecayMs),
		"heap_bytes": sum(p.MemoryUsedBytes), "heap_limit_bytes": sum(p.MemoryTotalBytes), "wasm_bytes": sum(p.WasmMemoryBytes), "agent_bytes": sum(p.AgentMemoryBytes),
		"network_mbps": measured(p.ClientNetworkDownlink), "network_rtt_ms": optional(p.ClientNetworkRtt, p.GetClientNetworkRtt()), "battery": measured(p.ClientBatteryLevel),
		"long_tasks": uint64(min(len(p.GetLongtaskDurationsMs()), math.MaxUint16)), "long_tasks_ms": total(p.GetLongtaskDurationsMs()), "long_task_worst_ms": worst(p.GetLongtaskDurationsMs()),
	})
	var all []*reception
	for key, s := range p.GetPeerStats() {
		if len(all) == maxPeers {
			break
		}
		all = append(all, &reception{s, r.peerNamed(c, key), [...]any{layer(p.GetReceivedVideoLayer(), key), layer(p.GetReceivedScreenLayer(), key), layer(p.GetReceivedAudioLayer(), key)}})
	}
	slices.SortFunc(all, func(a, b *reception) int {
		return cmp.Or(cmp.Compare(b.trouble(), a.trouble()), cmp.Compare(a.from.name, b.from.name), cmp.Compare(a.from.session, b.from.session))
	})
	left := len(p.GetPeerStats())
	peers := []any{}
	for _, one := range all[:min(len(all), mostReceptions)] {
		peers = append(peers, one.fields())
		left--
	}
	c.say("ReceptionSample", now, map[string]any{"interval_ms": milliseconds(interval), "peers": peers, "left_out": uint64(min(left, 1<<16-1))})
}

// reception is what a client says of somebody it hears or sees.
type reception struct {
	*healthv1.PeerStats
	from   identity
	layers [3]any // of video, screen and audio; nil when all are received
}

// layer returns which layer a client receives of somebody, nil when it says nothing.
func layer(of map[string]uint32, key string) any {
	n, said := of[key]
	if !said {
		return nil
	}
	return min(n, math.MaxUint8)
}

// trouble is larger for those of whom less arrives.
func (s *reception) trouble() float64 {
	t := 0.0
	if s.GetAudioEnabled() {
		t += concealed(s.PeerStats)
	}
	if s.GetVideoEnabled() {
		t += 100 / (1 + finite(s.GetVideoStats().GetFpsReceived()))
	}
	return t
}

func (s *reception) fields() map[string]any {
	v, n, o := s.GetVideoStats(), s.GetNeteqStats(), s.GetNeteqStats().GetNetwork().GetOperationCounters()
	delay := v.GetPlayoutLatencyMs()
	if delay == 0 {
		delay = n.GetPlayoutLatencyMs()
	}
	return map[string]any{
		"sender": s.from.name, "session": s.from.session, "heard": s.GetCanListen(), "seen": s.GetCanSee(), "audio_on": s.GetAudioEnabled(), "video_on": s.GetVideoEnabled(),
		"fps": finite(v.GetFpsReceived()), "kbps": min(float64(v.GetBitrateKbps()), 1e9), "decoded": exact(v.GetFramesDecoded()),
		"buffered_frames": finite(v.GetFramesBuffered()), "dropped_fps": finite(s.GetFramesDroppedPerSec()),
		"decode_ms": measured(s.AvgDecodeLatencyMs), "decoder_errors": sum(s.DecoderErrorsTotal),
		"lost_pps": measured(s.VideoSeqLossPerSec), "audio_lost_pps": measured(s.AudioDatagramLossPerSec), "keyframes_ps": measured(s.KeyframeRequestsPerSec),
		"concealment": concealed(s.PeerStats), "buffer_ms": finite(n.GetCurrentBufferSizeMs()), "target_ms": finite(n.GetTargetDelayMs()), "delay_ms": finite(delay),
		"sound_delay_ms": finite(n.GetPlayoutLatencyMs()), "waiting_packets": finite(n.GetPacketsAwaitingDecode()), "audio_pps": finite(n.GetPacketsPerSec()),
		"jitter_ms": finite(v.GetPlayoutStage1SpanMs()), "paint_ms": finite(v.GetPlayoutPaintLagMs()), "stale_ms": finite(v.GetContentStalenessMs()), "skips": exact(v.GetPlayoutSkipToLiveTotal()),
		"operations": operations(o), "screen": picture(s.GetScreenVideoStats()),
		"audio_score": measured(s.AudioQualityScore), "video_score": measured(s.VideoQualityScore), "call_score": measured(s.CallQualityScore),
		"video_layer": s.layers[0], "screen_layer": s.layers[1], "audio_layer": s.layers[2],
	}
}

// operations returns what a buffer of sound did, nil when nothing is said of it.
func operations(o *healthv1.NetEqOperationCounters) any {
	if o == nil {
		return nil
	}
	return map[string]any{
		"normal": finite(o.GetNormalPerSec()), "expand": finite(o.GetExpandPerSec()), "accelerate": finite(o.GetAcceleratePerSec()), "fast_accelerate": finite(o.GetFastAcceleratePerSec()),
		"preemptive_expand": finite(o.GetPreemptiveExpandPerSec()), "merge": finite(o.GetMergePerSec()), "comfort_noise": finite(o.GetComfortNoisePerSec()),
		"dtmf": finite(o.GetDtmfPerSec()), "undefined": finite(o.GetUndefinedPerSec()),
	}
}

// picture returns how a screen is seen, nil when none is.
func picture(v *healthv1.VideoStats) any {
	if v == nil {
		return nil
	}
	return map[string]any{
		"fps": finite(v.GetFpsReceived()), "kbps": min(float64(v.GetBitrateKbps()), 1e9), "decoded": exact(v.GetFramesDecoded()), "buffered_frames": finite(v.GetFramesBuffered()),
		"delay_ms": finite(v.GetPlayoutLatencyMs()), "jitter_ms": finite(v.GetPlayoutStage1SpanMs()), "paint_ms": finite(v.GetPlayoutPaintLagMs()),
		"stale_ms": finite(v.GetContentStalenessMs()), "skips": exact(v.GetPlayoutSkipToLiveTotal()),
	}
}

// total and worst return the sum and the largest of some durations.
func total(all []float64) (sum float64) {
	for _, v := range all {
		sum += finite(v)
	}
	return finite(sum)
}

func worst(all []float64) (most float64) {
	for _, v := range all {
		most = max(most, finite(v))
	}
	return most
}

// measured returns what a client measured, nil when it did not.
func measured(v *float64) any {
	if v == nil {
		return nil
	}
	return finite(*v)
}

// optional returns v if the client said it, nil if not.
func optional[T any](said *T, v any) any {
	if said == nil {
		return nil
	}
	return v
}

// sum adds the totals that a client counted, nil when it counted none of them.
func sum(all ...*uint64) any {
	var total uint64
	counted := false
	for _, n := range all {
		if n != nil {
			total, counted = total+*n, true
		}
	}
	if !counted {
		return nil
	}
	return exact(total)
}

// exact returns n, or the largest number that JSON keeps exactly.
func exact(n uint64) uint64 { return min(n, 1<<53-1) }
