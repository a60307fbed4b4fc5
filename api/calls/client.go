package calls

import (
	"bytes"
	"net/url"
	"strings"
	"time"

	"parley/api/telemetry/catalogue"
	healthv1 "parley/protobuf/health/v1"
)

// client records what a client is and how it sends, if that changed, and what it says of the
// steps of its encoder.
func (c *call) client(p *healthv1.HealthPacket, now time.Time) {
	fields := map[string]any{
		"address": addressOf(p.GetActiveServerUrl()), "os": cut(p.GetClientOs(), 64), "device": cut(p.GetClientDeviceType(), 32), "architecture": cut(p.GetClientArchitecture(), 32),
		"gpu": cut(p.GetClientGpuFamily(), 64), "cores": optional(p.ClientCores, p.GetClientCores()), "memory_gb": measured(p.ClientDeviceMemoryGb),
		"score": optional(p.ClientCapabilityScore, p.GetClientCapabilityScore()), "slow": p.GetClientCpuThrottled(),
		"network": cut(p.GetClientNetworkEffectiveType(), 32), "network_medium": cut(p.GetClientNetworkType(), 32), "network_most_mbps": measured(p.ClientNetworkDownlinkMax),
		"charging":   optional(p.ClientBatteryCharging, p.GetClientBatteryCharging()),
		"video_tier": optional(p.AdaptiveVideoTier, p.GetAdaptiveVideoTier()), "audio_tier": optional(p.AdaptiveAudioTier, p.GetAdaptiveAudioTier()), "screen_tier": optional(p.AdaptiveScreenTier, p.GetAdaptiveScreenTier()),
		"video": layersOf(p.EffectiveVideoLayers, p.ActiveVideoLayers), "screen": layersOf(p.EffectiveScreenLayers, p.ActiveScreenLayers), "audio": layersOf(p.EffectiveAudioLayers, p.ActiveAudioLayers),
		"audio_ceiling": optional(p.AudioCongestionCeiling, p.GetAudioCongestionCeiling()),
		"ceiling":       p.GetCrashCeilingActive(), "ceiling_tier": optional(p.CrashCeilingTierIndex, p.GetCrashCeilingTierIndex()), "decode_budget": budget(p.GetDecodeBudget()),
	}
	is, err := c.recorder.kinds["ClientChanged"].Encode(nil, catalogue.Params{}, fields)
	if err == nil && !bytes.Equal(is, c.health.client) {
		c.health.client = is
		c.say("ClientChanged", now, fields)
	}
	for _, t := range p.GetTierTransitions()[:min(len(p.GetTierTransitions()), mostTiers)] {
		c.say("TierChanged", now, map[string]any{
			"stream": cut(t.GetStream(), 32), "direction": cut(t.GetDirection(), 32), "from_tier": cut(t.GetFromTier(), 32), "to_tier": cut(t.GetToTier(), 32), "trigger": cut(t.GetTrigger(), 32),
		})
	}
	for _, d := range p.GetTierDwells()[:min(len(p.GetTierDwells()), mostTiers)] {
		c.say("TierKept", now, map[string]any{"tier": cut(d.GetTier(), 32), "lasted_ms": finite(d.GetDwellMs())})
	}
}

// mostTiers is how many steps of an encoder are recorded of one report.
const mostTiers = 16

// addressOf returns the part of an address that tells nothing about who connects to it.
func addressOf(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return ""
	}
	return cut(strings.ToLower(u.Scheme+"://"+u.Host), 128)
}

func layersOf(made, sent *uint32) map[string]any {
	small := func(n *uint32) any {
		if n == nil {
			return nil
		}
		return min(*n, 255)
	}
	return map[string]any{"made": small(made), "sent": small(sent)}
}

func budget(b *healthv1.DecodeBudget) any {
	if b == nil {
		return nil
	}
	mode := "unspecified"
	switch b.GetOverrideMode() {
	case healthv1.DecodeBudget_OVERRIDE_MODE_AUTO:
		mode = "auto"
	case healthv1.DecodeBudget_OVERRIDE_MODE_FIXED:
		mode = "fixed"
	case healthv1.DecodeBudget_OVERRIDE_MODE_UNSPECIFIED:
	}
	return map[string]any{
		"most": b.GetEffectiveCap(), "natural": b.GetNatural(), "shown": b.GetActiveSet(), "pressed": b.GetPressured(), "mode": mode, "fixed": b.GetOverrideFixedN(),
	}
}

// counters are totals of a client that matter when they grow.
var counters = []struct {
	what string
	of   func(*healthv1.HealthPacket) uint64
}{
	{"datagram_drops", (*healthv1.HealthPacket).GetDatagramDropsTotal},
	{"websocket_drops", (*healthv1.HealthPacket).GetWebsocketDropsTotal},
	{"keyframe_requests_sent", (*healthv1.HealthPacket).GetKeyframeRequestsSentTotal},
	{"step_up_blocked_ceiling", (*healthv1.HealthPacket).GetStepUpBlockedCeiling},
	{"step_up_blocked_slowdown", (*healthv1.HealthPacket).GetStepUpBlockedSlowdown},
	{"step_up_blocked_screen_share", (*healthv1.HealthPacket).GetStepUpBlockedScreenShare},
	{"camera_encoder_errors_closed_codec", (*healthv1.HealthPacket).GetCameraEncoderErrorsClosedCodec},
	{"camera_encoder_errors_vpx_mem_alloc", (*healthv1.HealthPacket).GetCameraEncoderErrorsVpxMemAlloc},
	{"camera_encoder_errors_configure_fatal", (*healthv1.HealthPacket).GetCameraEncoderErrorsConfigureFatal},
	{"camera_encoder_errors_generic", (*healthv1.HealthPacket).GetCameraEncoderErrorsGeneric},
	{"screen_encoder_errors_closed_codec", (*healthv1.HealthPacket).GetScreenEncoderErrorsClosedCodec},
	{"screen_encoder_errors_vpx_mem_alloc", (*healthv1.HealthPacket).GetScreenEncoderErrorsVpxMemAlloc},
	{"screen_encoder_errors_configure_fatal", (*healthv1.HealthPacket).GetScreenEncoderErrorsConfigureFatal},
	{"screen_encoder_errors_generic", (*healthv1.HealthPacket).GetScreenEncoderErrorsGeneric},
	{"camera_encoder_restarts_closed_codec", (*healthv1.HealthPacket).GetCameraEncoderRestartsClosedCodec},
	{"camera_encoder_restarts_memory", (*healthv1.HealthPacket).GetCameraEncoderRestartsMemory},
	{"camera_encoder_restarts_configure", (*healthv1.HealthPacket).GetCameraEncoderRestartsConfigure},
	{"camera_encoder_restarts_other", (*healthv1.HealthPacket).GetCameraEncoderRestartsOther},
	{"screen_encoder_restarts_closed_codec", (*healthv1.HealthPacket).GetScreenEncoderRestartsClosedCodec},
	{"screen_encoder_restarts_memory", (*healthv1.HealthPacket).GetScreenEncoderRestartsMemory},
	{"screen_encoder_restarts_configure", (*healthv1.HealthPacket).GetScreenEncoderRestartsConfigure},
	{"screen_encoder_restarts_other", (*healthv1.HealthPacket).GetScreenEncoderRestartsOther},
	{"handshake_failures", (*healthv1.HealthPacket).GetConnectionHandshakeFailuresTotal},
	{"session_drops", (*healthv1.HealthPacket).GetConnectionSessionDropsTotal},
	{"reelection_proceeded", (*healthv1.HealthPacket).GetReelectionProceededTotal},
	{"reelection_aborted", (*healthv1.HealthPacket).GetReelectionAbortedTotal},
	{"reelection_preserved", (*healthv1.HealthPacket).GetReelectionPreservedTotal},
	{"reelection_failed", (*healthv1.HealthPacket).GetReelectionFailedTotal},
	{"rtt_probe_dropped", (*healthv1.HealthPacket).GetRttProbeDroppedTotal},
	{"rtt_probe_stale_suppressions", (*healthv1.HealthPacket).GetRttProbeStaleSuppressionsTotal},
}

// counted records by how much totals grew since the last report. What the first one says may be
// of earlier calls.
func (c *call) counted(p *healthv1.HealthPacket, now time.Time) {
	first := c.health.totals == nil
	if first {
		c.health.totals = make([]uint64, len(counters))
	}
	for i, counter := range counters {
		is, was := counter.of(p), c.health.totals[i]
		c.health.totals[i] = is
		if !first && is > was {
			c.say("ClientCounted", now, map[string]any{"what": counter.what, "count": min(is-was, 1<<32-1)})
		}
	}
}
