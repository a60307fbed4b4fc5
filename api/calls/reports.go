package calls

import (
	"cmp"
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
	})
	var all []*reception
	for key, s := range p.GetPeerStats() {
		if len(all) == maxPeers {
			break
		}
		all = append(all, &reception{r.peerName(key), s})
	}
	slices.SortFunc(all, func(a, b *reception) int {
		return cmp.Or(cmp.Compare(b.trouble(), a.trouble()), cmp.Compare(a.sender, b.sender))
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
	sender string
	*healthv1.PeerStats
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
	v, n := s.GetVideoStats(), s.GetNeteqStats()
	delay := v.GetPlayoutLatencyMs()
	if delay == 0 {
		delay = n.GetPlayoutLatencyMs()
	}
	return map[string]any{
		"sender": s.sender, "audio_on": s.GetAudioEnabled(), "video_on": s.GetVideoEnabled(),
		"fps": finite(v.GetFpsReceived()), "kbps": min(float64(v.GetBitrateKbps()), 1e9), "decoded": exact(v.GetFramesDecoded()),
		"buffered_frames": finite(v.GetFramesBuffered()), "dropped_fps": finite(s.GetFramesDroppedPerSec()),
		"decode_ms": measured(s.AvgDecodeLatencyMs), "decoder_errors": sum(s.DecoderErrorsTotal),
		"lost_pps": measured(s.VideoSeqLossPerSec), "audio_lost_pps": measured(s.AudioDatagramLossPerSec), "keyframes_ps": measured(s.KeyframeRequestsPerSec),
		"concealment": concealed(s.PeerStats), "buffer_ms": finite(n.GetCurrentBufferSizeMs()), "target_ms": finite(n.GetTargetDelayMs()), "delay_ms": finite(delay),
	}
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
