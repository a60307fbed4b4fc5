package calls

import (
	"maps"
	"time"

	"parley/api/media"
	"parley/api/rooms"
)

// sampleTime is the time between two samples of what flows: short, because what is wrong with
// a call has to be known within five seconds.
const sampleTime = 2 * time.Second

// reportsLast is how long after a report of its client a session counts as one that somebody looks
// after: what flows is judged together with reports, of which there is one every five seconds.
const reportsLast = 15 * time.Second

// sample records what flowed from and to each session since the last sample. A session from and to
// which nothing flows has one sample of that, and no more until something does.
func (r *Recorder) sample(now time.Time) {
	r.strained(now)
	for s := range r.hub.Present() {
		if c := r.calls[s.Session]; c != nil && !c.active.IsZero() {
			c.flowed(s, now)
			r.overdue(c, now)
		}
	}
}

func (c *call) flowed(s *rooms.SessionCensus, now time.Time) {
	last, since := c.sampled, now.Sub(c.sampled.at)
	var dropped, frames, bytes uint64
	for cause := range rooms.Causes() {
		if !receiving[cause] {
			continue
		}
		for kind := range media.Kinds() {
			dropped += s.Count.Drops[cause][kind]
		}
	}
	c.sampled.at, c.sampled.in, c.sampled.out, c.sampled.dropped = now, s.Count.In, s.Count.Out, dropped
	if last.at.IsZero() { // rates need two looks
		return
	}
	seconds := max(since.Seconds(), .001)
	for _, w := range s.Waiting {
		frames, bytes = frames+uint64(max(w.Frames, 0)), bytes+uint64(max(w.Bytes, 0))
	}
	c.sampled.quiet = frames == 0 && dropped == last.dropped && now.Sub(c.health.at) > reportsLast &&
		!moved(&s.Count.In, &last.in) && !moved(&s.Count.Out, &last.out)
	if last.quiet && c.sampled.quiet {
		return
	}
	c.say("FlowSample", now, map[string]any{
		"interval_ms": milliseconds(since), "from": flowsOf(&s.Count.In, &last.in, seconds), "to": flowsOf(&s.Count.Out, &last.out, seconds),
		"dropped": min(dropped-last.dropped, 1<<32-1), "waiting_frames": min(frames, 1<<32-1), "waiting_bytes": bytes,
	})
}

// moved reports whether anything of a stream was passed on between two looks.
func moved(is, was *rooms.Traffic) bool {
	for kind := range media.Kinds() {
		if _, ok := streamOf(kind); ok && is.Packets[kind] != was.Packets[kind] {
			return true
		}
	}
	return false
}

// flowsOf returns what was passed on between two looks.
func flowsOf(is, was *rooms.Traffic, seconds float64) map[string]any {
	all := nothing
	for kind := range media.Kinds() {
		stream, ok := streamOf(kind)
		if !ok || is.Packets[kind] == was.Packets[kind] {
			continue
		}
		all = maps.Clone(all)
		bits := 8 * float64(is.Bytes[kind]-was.Bytes[kind])
		all[streams[stream]] = map[string]any{"packets": min(is.Packets[kind]-was.Packets[kind], 1<<32-1), "kbps": bits / 1000 / seconds}
	}
	return all
}

// nothing is what flows to and from most at most times.
var nothing = func() map[string]any {
	all := map[string]any{}
	for _, name := range streams {
		all[name] = map[string]any{"packets": uint64(0), "kbps": 0.0}
	}
	return all
}()
