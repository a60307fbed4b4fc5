package calls

import (
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media"
	healthv1 "parley/protobuf/health/v1"
)

// maxPeers is how many entries of a report are looked at.
const maxPeers = 1000

// health is what the last reports of a client said.
type health struct {
	at     time.Time
	event  uint64 // its sample
	peers  map[string]*peer
	client []byte   // what was last recorded of the client itself
	totals []uint64 // that it had counted, in the order of counters
}

// peer is how a client hears and sees another one.
type peer struct {
	audio, video, screen quality
	frozen, stuck        time.Time // since when no picture of the camera, or of the screen, came; zero when they do
	silent               time.Time // since when nearly all sound is made up
	seen                 time.Time
}

// quality is what was reported of a source, and what was recorded of it.
type quality struct {
	recorded, last string
}

// Bounds of quality. Concealment is the share of sound that the receiver made up, in percent.
const (
	goodConcealment = 2
	fairConcealment = 8
	gapConcealment  = 50
	goodFPS         = 15
	fairFPS         = 5
	goodScreenFPS   = 3 // what does not change is sent now and then
	fairScreenFPS   = .2
)

// Health implements media.Reporter.
func (r *Recorder) Health(packet []byte) {
	if r.Next != nil {
		r.Next.Health(packet)
	}
	now := time.Now()
	r.tell(func() {
		var p healthv1.HealthPacket
		if err := proto.Unmarshal(packet, &p); err != nil {
			return // the hub read it, so this is no packet of a client
		}
		id, err := strconv.ParseUint(p.GetSessionId(), 10, 64)
		if c := r.calls[media.SessionID(id)]; err == nil && c != nil {
			r.healthOf(c, &p, now)
		}
	})
}

// healthOf records one report as a sample, and what changed since the last.
func (r *Recorder) healthOf(c *call, p *healthv1.HealthPacket, now time.Time) {
	interval := time.Duration(0)
	if !c.health.at.IsZero() {
		interval = now.Sub(c.health.at)
	}
	c.health.at = now
	var concealment, buffer, fps, kbps, waits []float64
	heard, seen, peers := 0, 0, 0
	for _, s := range p.GetPeerStats() {
		if peers++; peers > maxPeers {
			break
		}
		if s.GetCanListen() {
			heard++
		}
		if s.GetCanSee() {
			seen++
		}
		if s.GetAudioEnabled() {
			concealment = append(concealment, concealed(s))
			buffer = append(buffer, s.GetNeteqStats().GetCurrentBufferSizeMs())
			waits = append(waits, s.GetNeteqStats().GetPacketsAwaitingDecode())
		}
		if s.GetVideoEnabled() && s.GetVideoStats() != nil { // without, it is not on screen
			fps = append(fps, s.GetVideoStats().GetFpsReceived())
			kbps = append(kbps, float64(s.GetVideoStats().GetBitrateKbps()))
		}
	}
	over := string(media.WebSocket)
	if p.GetActiveServerType() == string(media.WebTransport) {
		over = string(media.WebTransport)
	}
	c.health.event = c.say("HealthSample", now, map[string]any{
		"interval_ms": milliseconds(interval), "claimed_at": claimed(p.GetTimestampMs()), "transport": over, "rtt_ms": finite(p.GetActiveServerRttMs()),
		"audio_on": p.GetReportingAudioEnabled(), "video_on": p.GetReportingVideoEnabled(),
		"peers": uint64(len(p.GetPeerStats())) & math.MaxUint16, "heard": uint64(heard), "seen": uint64(seen),
		"concealment": most(concealment), "buffer_ms": most(buffer), "fps": least(fps), "kbps": least(kbps), "waiting_packets": most(waits),
	})
	r.reportOf(c, p, interval, now)
	c.client(p, now)
	c.counted(p, now)
	if c.health.peers == nil {
		c.health.peers = map[string]*peer{}
	}
	peers = 0
	for key, s := range p.GetPeerStats() {
		if peers++; peers > maxPeers {
			break
		}
		r.peerOf(c, key, s, interval, now)
	}
	for key, was := range c.health.peers {
		if was.seen != now {
			delete(c.health.peers, key)
		}
	}
}

func (r *Recorder) peerOf(c *call, key string, s *healthv1.PeerStats, interval time.Duration, now time.Time) {
	was := c.health.peers[key]
	if was == nil {
		was = &peer{}
		c.health.peers[key] = was
	}
	was.seen = now
	name := r.peerNamed(c, key).name
	audio, video, screen := "", "", ""
	if s.GetAudioEnabled() {
		audio = grade(-concealed(s), -goodConcealment, -fairConcealment)
	}
	if s.GetVideoEnabled() && s.GetVideoStats() != nil {
		video = grade(s.GetVideoStats().GetFpsReceived(), goodFPS, fairFPS)
	}
	if s.GetScreenVideoStats() != nil {
		screen = grade(s.GetScreenVideoStats().GetFpsReceived(), goodScreenFPS, fairScreenFPS)
	}
	c.change(&was.audio, audio, name, "audio", "concealment", now)
	c.change(&was.video, video, name, "video", "fps", now)
	c.change(&was.screen, screen, name, "screen", "fps", now)

	stops := func(since *time.Time, media string, on bool, v *healthv1.VideoStats) {
		frozen := on && v.GetFpsReceived() == 0 && v.GetFramesDecoded() > 0
		if since, over := spell(since, frozen, interval, now); over {
			c.say("Freeze", since, map[string]any{"sender": name, "media": media, "lasted_ms": milliseconds(now.Sub(since))})
		}
	}
	stops(&was.frozen, "video", s.GetVideoEnabled(), s.GetVideoStats())
	stops(&was.stuck, "screen", true, s.GetScreenVideoStats())
	if since, over := spell(&was.silent, s.GetAudioEnabled() && concealed(s) >= gapConcealment, interval, now); over {
		c.say("AudioGap", since, map[string]any{"sender": name, "lasted_ms": milliseconds(now.Sub(since))})
	}
}

// change records a quality that two reports in a row agree on: one alone may be chance.
func (c *call) change(q *quality, is, peer, media, cause string, now time.Time) {
	stable := is != "" && is == q.last && is != q.recorded
	q.last = is
	if !stable || q.recorded == "" && is == "good" {
		if stable {
			q.recorded = is
		}
		return
	}
	q.recorded = is
	c.say("PeerQualityChanged", now, map[string]any{"last_id": c.health.event, "peer": peer, "media": media, "quality": is, "cause": cause})
}

// spell follows something that goes on for a time: it returns when it began once it is over.
func spell(since *time.Time, on bool, interval time.Duration, now time.Time) (began time.Time, over bool) {
	switch {
	case on && since.IsZero():
		*since = now.Add(-interval)
	case !on && !since.IsZero():
		began, *since = *since, time.Time{}
		return began, true
	}
	return time.Time{}, false
}

// peerNamed returns whom a report of c is about: clients know each other by session or by user.
func (r *Recorder) peerNamed(c *call, key string) identity {
	if id, err := strconv.ParseUint(key, 10, 64); err == nil {
		if who := r.who(c, media.SessionID(id)); who.name != "" {
			return who
		}
	}
	return identity{name: r.Participant(key)}
}

// grade compares v with bounds of which larger ones are better.
func grade(v, good, fair float64) string {
	switch {
	case v >= good:
		return "good"
	case v >= fair:
		return "fair"
	}
	return "poor"
}

// concealed returns the share of sound that was made up in percent; older clients report
// rates of what their buffer did.
func concealed(s *healthv1.PeerStats) float64 {
	if v := s.GetAudioConcealmentPct(); v > 0 {
		return finite(v)
	}
	o := s.GetNeteqStats().GetNetwork().GetOperationCounters()
	all := o.GetNormalPerSec() + o.GetExpandPerSec() + o.GetAcceleratePerSec() + o.GetFastAcceleratePerSec() +
		o.GetPreemptiveExpandPerSec() + o.GetMergePerSec()
	if !(all > 0) {
		return 0
	}
	return finite(100 * o.GetExpandPerSec() / all)
}

// finite returns v as a client may honestly mean it.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1e9)
}

// claimed returns a time of a client in microseconds, 0 for one that cannot be.
func claimed(ms uint64) uint64 {
	if ms > 1<<42 {
		return 0
	}
	return 1000 * ms
}

// most and least return the worst and the middle of values of which small or large ones are
// good.
func most(all []float64) map[string]any {
	slices.Sort(all)
	slices.Reverse(all)
	return distribution(all)
}

func least(all []float64) map[string]any {
	slices.Sort(all)
	return distribution(all)
}

func distribution(worstFirst []float64) map[string]any {
	if len(worstFirst) == 0 {
		return map[string]any{"worst": 0.0, "median": 0.0}
	}
	return map[string]any{"worst": finite(worstFirst[0]), "median": finite(worstFirst[len(worstFirst)/2])}
}
