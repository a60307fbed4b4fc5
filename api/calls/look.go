package calls

import (
	"runtime"
	"runtime/metrics"
	"time"

	"parley/api/media"
	"parley/api/telemetry"
)

// receiving are causes for which a receiver misses frames; the others hold back a sender.
var receiving = map[media.Cause]bool{media.Full: true, media.Stale: true, media.Skipped: true}

// sending are causes for which what a sender sends reaches nobody.
var sending = map[media.Cause]bool{media.Silenced: true, media.Unencrypted: true, media.ScreensOff: true, media.Capped: true, media.Flooding: true, media.Crowded: true}

// look records what flowed and what was lost since the last look.
func (r *Recorder) look() {
	now := time.Now()
	here := map[media.SessionID]bool{}
	for _, s := range r.hub.Attendance() {
		here[s.Session] = true
		if c := r.calls[s.Session]; c != nil {
			c.flows(&s.Count, now)
			c.drops(&s.Count, now)
		}
	}
	for id, c := range r.calls {
		if !here[id] && now.Sub(c.Joined) > 2*lookTime { // its end was lost
			r.disconnected(c, now)
		}
	}
	for at, was := range r.away {
		if now.Sub(was.at) > returnTime {
			delete(r.away, at)
		}
	}
	if n := r.lost.Swap(0); n > 0 {
		first := r.server.next
		r.server.next += n
		r.server.feed.Lost(telemetry.QueueFull, first, n)
	}
	r.status(now)
}

// flows records which sources fell silent, or speak again.
func (c *call) flows(count *media.Count, now time.Time) {
	for kind := range media.Kinds() {
		stream, ok := streamOf(kind)
		if !ok {
			continue
		}
		moves := count.In.Packets[kind] > c.last.In.Packets[kind]
		start, sends := c.sends[stream]
		switch {
		case moves && !sends:
			c.starts(stream, now)
		case !moves && sends && now.Sub(start.at) > lookTime: // at the last look or after
			c.stops(stream, now)
		}
	}
}

// drops records what was lost on the way to or from a session.
func (c *call) drops(count *media.Count, now time.Time) {
	for cause := range media.Causes() {
		for kind := range media.Kinds() {
			n := count.Drops[cause][kind] - c.last.Drops[cause][kind]
			if n == 0 {
				continue
			}
			n = min(n, 1<<32-1)
			stream, ok := streamOf(kind)
			switch {
			case receiving[cause] && ok:
				c.say("ForwardingDrop", now, map[string]any{"sender": "", "media": streams[stream], "cause": cause.String(), "count": n})
			case sending[cause]:
				c.say("LimitHit", now, map[string]any{"limit": cause.String(), "direction": "receive", "count": n})
			}
		}
	}
	c.last = *count
}

// status records how the node is.
func (r *Recorder) status(now time.Time) {
	census := r.hub.Census()
	seconds := max(now.Sub(r.looked).Seconds(), .001)
	_, in := census.Total.In.Total()
	_, out := census.Total.Out.Total()
	_, inBefore := r.totals.In.Total()
	_, outBefore := r.totals.Out.Total()
	drops, dropsBefore := census.Total.Drops.Total(), r.totals.Drops.Total()
	rate := func(now, before uint64) uint64 { return uint64(float64(now-min(before, now)) / seconds) }
	sessions := 0
	for _, n := range census.Sessions {
		sessions += n
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples) // unlike ReadMemStats it stops nothing
	r.server.say("ServerStatus", now, map[string]any{
		"rooms": uint64(len(census.Rooms)), "sessions": uint64(sessions), "received_bps": 8 * rate(in, inBefore), "sent_bps": 8 * rate(out, outBefore),
		"dropped_pps": min(rate(drops, dropsBefore), 1<<32-1), "cpu_percent": r.busy(seconds), "goroutines": uint64(runtime.NumGoroutine()), "memory_bytes": samples[0].Value.Uint64(),
	})
	r.totals, r.looked = census.Total, now
}
