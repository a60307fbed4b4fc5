package calls

import (
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// Awaits implements media.Watcher.
func (r *Recorder) Awaits(receiver, sender media.SessionID, kind media.Kind) {
	now := time.Now()
	r.tell(func() {
		at := reach{sender, kind}
		c := r.receiver(receiver, at)
		if c == nil {
			return
		}
		if _, awaited := c.awaited[at]; !awaited {
			put(&c.awaited, at, r.subscribes(c, at, now))
		}
	})
}

// Reached implements media.Watcher.
func (r *Recorder) Reached(receiver, sender media.SessionID, kind media.Kind) {
	now := time.Now()
	r.tell(func() {
		at := reach{sender, kind}
		c := r.receiver(receiver, at)
		if c == nil {
			return
		}
		put(&c.reached, at, true)
		start, awaited := c.awaited[at]
		if delete(c.awaited, at); !awaited {
			start = r.subscribes(c, at, now)
		}
		stream, _ := streamOf(kind)
		c.say("FirstFrame", now, map[string]any{
			"subscribe_id": start.event, "sender": r.who(c, sender).name, "media": streams[stream], "took_ms": milliseconds(now.Sub(start.at)),
		})
	})
}

// receiver returns who receives a source from now on, nil when nobody or not for the first time.
func (r *Recorder) receiver(id media.SessionID, at reach) *call {
	c := r.calls[id]
	if _, ok := streamOf(at.kind); !ok || c == nil || c.active.IsZero() || c.reached[at] {
		return nil
	}
	return c
}

// subscribes records that somebody receives a source. They could have done so from when both were
// there; when a source of another node began nobody here knows.
func (r *Recorder) subscribes(c *call, at reach, now time.Time) began {
	stream, _ := streamOf(at.kind)
	since := now
	if from := r.calls[at.sender]; from != nil {
		since = c.active
		if p, sends := from.sends[stream]; sends && p.at.After(since) {
			since = p.at
		}
	}
	return began{c.say("SubscribeStarted", since, map[string]any{"sender": r.who(c, at.sender).name, "media": streams[stream]}), since}
}

// KeyframeAsked implements media.Watcher.
func (r *Recorder) KeyframeAsked(sender media.SessionID, kind media.Kind) {
	now := time.Now()
	r.tell(func() {
		c := r.calls[sender]
		if stream, ok := streamOf(kind); c != nil && ok {
			put(&c.asked, kind, began{c.say("KeyFrameRequested", now, map[string]any{"sender": c.name, "media": streams[stream]}), now})
		}
	})
}

// KeyframeCame implements media.Watcher.
func (r *Recorder) KeyframeCame(sender media.SessionID, kind media.Kind, requests uint32) {
	now := time.Now()
	r.tell(func() {
		c := r.calls[sender]
		if c == nil {
			return
		}
		if was, asked := c.asked[kind]; asked {
			delete(c.asked, kind)
			stream, _ := streamOf(kind)
			c.say("KeyFrameDelivered", now, map[string]any{
				"request_id": was.event, "sender": c.name, "media": streams[stream], "requests": requests, "took_ms": milliseconds(now.Sub(was.at)),
			})
		}
	})
}

// LayerChanged implements media.Watcher.
func (r *Recorder) LayerChanged(l media.LayerChange) {
	now := time.Now()
	r.tell(func() {
		c := r.calls[l.Receiver]
		stream, ok := streamOf(l.Kind)
		if c == nil || !ok {
			return
		}
		var from any
		if l.From <= wire.MaxLayer {
			from = l.From
		}
		c.say("LayerChanged", now, map[string]any{
			"sender": r.who(c, l.Sender).name, "media": streams[stream], "from_layer": from, "to_layer": l.To, "reason": string(l.Why),
		})
	})
}

// identity is how telemetry calls somebody, and one of their connections; that is empty when
// it is not known.
type identity struct{ name, session string }

// who returns who has a session in the room of c, on any node.
func (r *Recorder) who(c *call, id media.SessionID) identity {
	if peer := r.calls[id]; peer != nil {
		return identity{peer.name, decimal(id)}
	}
	if user, ok := r.hub.Who(c.Room, id); ok {
		return identity{r.Participant(user), decimal(id)}
	}
	return identity{"", decimal(id)}
}
