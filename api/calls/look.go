package calls

import (
	"runtime"
	"runtime/metrics"
	"time"

	"parley/api/media"
	"parley/api/rooms"
	"parley/api/wire"
)

// receiving are causes for which a receiver misses frames; the others hold back a sender.
var receiving = map[rooms.Cause]bool{rooms.Full: true, rooms.Stale: true, rooms.Skipped: true, rooms.Memory: true, rooms.Narrow: true}

// sending are causes for which what a sender sends reaches nobody.
var sending = map[rooms.Cause]bool{rooms.Silenced: true, rooms.Unencrypted: true, rooms.ScreensOff: true, rooms.Capped: true, rooms.Flooding: true, rooms.Crowded: true, rooms.Busy: true}

// look records what flowed and what was lost since the last look.
func (r *Recorder) look() {
	now := time.Now()
	here := map[media.SessionID]bool{}
	for s := range r.hub.Present() {
		here[s.Session] = true
		if c := r.calls[s.Session]; c != nil {
			c.flows(&s.Count, now)
			c.limits(&s.Count, now)
		}
	}
	for id, lost := range r.hub.Losses() {
		if c := r.calls[id]; c != nil {
			r.losses(c, lost, now)
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
		r.server.lose(n, now)
	}
	r.status(now)
}

// flows records which sources fell silent, speak again, or reach nobody.
func (c *call) flows(count *rooms.Count, now time.Time) {
	for kind := range media.Kinds() {
		stream, ok := streamOf(kind)
		if !ok {
			continue
		}
		came := count.In.Packets[kind] - c.last.in.Packets[kind]
		_, sends := c.sends[stream]
		if came > 0 {
			put(&c.moved, stream, now)
		}
		why, refused := c.refused(count, kind)
		switch {
		case came > 0 && refused >= came:
			c.fails(stream, why, now)
		case came > 0 && !sends:
			c.starts(stream, now)
		case sends && now.Sub(c.moved[stream]) > silentTime:
			c.stops(stream, now)
		}
		if refused < came {
			delete(c.failing, stream)
		}
	}
}

// refused returns how many packets of a kind were refused since the last look, and the cause of
// most of them.
func (c *call) refused(count *rooms.Count, kind media.Kind) (why rooms.Cause, all uint64) {
	most := uint64(0)
	before := c.dropsBefore()
	for cause := range sending {
		n := count.Drops[cause][kind] - before[cause][kind]
		if all += n; n > most {
			why, most = cause, n
		}
	}
	return why, all
}

// fails records that nothing of a source got through, once until something does.
func (c *call) fails(stream wire.Stream, why rooms.Cause, now time.Time) {
	if c.failing[stream] {
		return
	}
	put(&c.failing, stream, true)
	if _, sends := c.sends[stream]; sends {
		c.stops(stream, now)
	}
	name := streams[stream]
	c.say("PublishFailed", now, map[string]any{"stream": decimal(c.Session) + "/" + name, "media": name, "code": why.String(), "reason": ""})
}

// limits records what of a session was refused, and remembers its counts for the next look.
func (c *call) limits(count *rooms.Count, now time.Time) {
	c.last.in = count.In
	before := c.dropsBefore()
	if *before == count.Drops {
		return
	}
	for cause := range rooms.Causes() {
		for kind := range media.Kinds() {
			if n := count.Drops[cause][kind] - before[cause][kind]; n > 0 && sending[cause] {
				c.say("LimitHit", now, map[string]any{"limit": cause.String(), "direction": "receive", "count": min(n, 1<<32-1)})
			}
		}
	}
	c.last.drops = new(rooms.Drops)
	*c.last.drops = count.Drops
}

// noDrops are those of most connections.
var noDrops rooms.Drops

// dropsBefore returns those at the last look, to be read.
func (c *call) dropsBefore() *rooms.Drops {
	if c.last.drops == nil {
		return &noDrops
	}
	return c.last.drops
}

// losses records what of others did not reach a session.
func (r *Recorder) losses(c *call, lost map[rooms.Loss]uint64, now time.Time) {
	for l, n := range lost {
		if stream, ok := streamOf(l.Kind); ok {
			sender := r.who(c, l.Sender)
			c.say("ForwardingDrop", now, map[string]any{
				"sender": sender.name, "session": sender.session, "media": streams[stream], "cause": l.Cause.String(), "count": min(n, 1<<32-1),
			})
		}
	}
}

// overdue records pictures that should have been seen by now.
func (r *Recorder) overdue(c *call, now time.Time) {
	for at, start := range c.awaited {
		if now.Sub(start.at) < subscribeTime {
			continue
		}
		delete(c.awaited, at)
		stream, _ := streamOf(at.kind)
		if from := r.calls[at.sender]; from != nil {
			if _, sends := from.sends[stream]; !sends {
				continue // it was switched off before
			}
		} else if _, here := r.hub.Who(c.Room, at.sender); !here {
			continue
		}
		c.say("SubscribeFailed", now, map[string]any{
			"subscribe_id": start.event, "sender": r.who(c, at.sender).name, "media": streams[stream], "code": "no_keyframe", "reason": "",
		})
	}
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
