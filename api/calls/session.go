package calls

import (
	"context"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/rooms"
	"parley/api/wire"
)

// call is one connection of a participant.
type call struct {
	*speaker
	media.SessionStats
	name    string    // of the participant, in telemetry
	began   time.Time // when the connection was asked for
	active  time.Time // zero until it takes part
	waits   began     // an observer in front of the room
	sends   map[wire.Stream]began
	moved   map[wire.Stream]time.Time // when packets were last seen
	failing map[wire.Stream]bool      // of which nothing gets through
	awaited map[reach]began           // pictures that were not seen yet
	reached map[reach]bool
	asked   map[media.Kind]began // keyframes
	last    struct {             // counts at the last look
		in    rooms.Traffic
		drops *rooms.Drops // nil while there are none
	}
	health  health
	sampled struct { // what had flowed at the last sample
		at      time.Time
		in, out rooms.Traffic
		dropped uint64
		quiet   bool // nothing flowed, and that is recorded
	}
}

// began is an event that a later one continues.
type began struct {
	event uint64
	at    time.Time
}

// put enters something into a map that is not made before: of most connections nothing is known
// that belongs into one.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}

// reach is a source that reached a receiver.
type reach struct {
	sender media.SessionID
	kind   media.Kind
}

// room is what is known of a room with sessions on this node.
type room struct {
	opened  began
	present int
	peak    int
}

// absence is when and why a connection of somebody ended.
type absence struct {
	media.SessionStats
	at time.Time
}

// lost reports whether nobody meant the connection to end.
func (a *absence) lost() bool {
	switch a.End {
	case fault.Bye, fault.Ended, fault.Forbidden, fault.GoingAway, fault.Removed, fault.SignedOut:
		return false
	}
	return true
}

// noHandshake is why somebody who may enter has no connection.
const noHandshake fault.Code = "no_handshake"

// Refused tells of an attempt to connect that came to nothing. Without a user nobody knows
// who it was.
func (r *Recorder) Refused(room media.RoomID, user string, over media.Transport, begun time.Time, why fault.Code) {
	now := time.Now()
	r.tell(func() {
		if user == "" {
			r.server.say("TransportRefused", now, map[string]any{"transport": string(over), "code": code(why), "reason": ""})
			return
		}
		s := r.begin(context.Background(), r.source(room, user, over, map[string]string{}))
		if connecting := s.say("ConnectingIn", begun, map[string]any{"transport": string(over)}); why == noHandshake {
			s.say("ConnectInFailed", now, map[string]any{"connecting_id": connecting, "code": code(why), "reason": ""})
		} else {
			join := s.say("JoinStarted", begun, map[string]any{"room": string(room)})
			s.say("JoinFailed", now, map[string]any{"join_id": join, "code": code(why), "reason": ""})
		}
		s.feed.End(string(why))
	})
}

// Connected implements media.Reporter.
func (r *Recorder) Connected(s media.SessionStats) {
	if r.Next != nil {
		r.Next.Connected(s)
	}
	now := time.Now()
	r.tell(func() { r.connected(s, now) })
}

func (r *Recorder) connected(s media.SessionStats, now time.Time) {
	labels := map[string]string{"session": decimal(s.Session), "node": string(s.Node)}
	if s.Observer {
		labels["observer"] = "true"
	}
	if s.Guest {
		labels["guest"] = "true"
	}
	c := &call{
		speaker: r.begin(context.Background(), r.source(s.Room, s.User, s.Transport, labels)), SessionStats: s, name: r.Participant(s.User),
		began: s.Begun,
	}
	if c.began.IsZero() {
		c.began = s.Joined
	}
	r.calls[s.Session] = c
	connecting := c.say("ConnectingIn", c.began, map[string]any{"transport": string(s.Transport)})
	c.say("ConnectedIn", now, map[string]any{"connecting_id": connecting, "took_ms": milliseconds(now.Sub(c.began))})
	if s.Observer {
		c.waits = began{c.say("Waiting", now, map[string]any{"room": string(s.Room)}), now}
	}
	if s.Reconnection {
		was, here := r.away[s.Replaces]
		if !here { // it was lost by another node, which knows more
			was.at, was.End = c.began, "elsewhere"
		}
		delete(r.away, s.Replaces)
		started := c.say("ReconnectStarted", was.at, map[string]any{"code": code(was.End), "attempt": uint64(1)})
		c.say("Restored", now, map[string]any{"reconnect_id": started, "took_ms": milliseconds(now.Sub(was.at))})
	}
	r.enter(s.Room, now)
}

// Departed implements media.Watcher.
func (r *Recorder) Departed(id media.SessionID) {
	now := time.Now()
	r.tell(func() {
		was, ok := r.away[id]
		delete(r.away, id)
		if !ok || !was.lost() {
			return
		}
		s := r.begin(context.Background(), r.source(was.Room, was.User, was.Transport, map[string]string{"session": decimal(id), "node": string(was.Node)}))
		started := s.say("ReconnectStarted", was.at, map[string]any{"code": code(was.End), "attempt": uint64(1)})
		s.say("GivenUp", now, map[string]any{"reconnect_id": started, "code": code(was.End), "waited_ms": milliseconds(now.Sub(was.at))})
		s.feed.End(string(was.End))
	})
}

// Admitted implements media.Watcher.
func (r *Recorder) Admitted(room media.RoomID, user string) {
	now := time.Now()
	r.tell(func() {
		for _, c := range r.calls {
			if c.Room == room && c.User == user && !c.waits.at.IsZero() {
				c.say("Admitted", now, map[string]any{"waiting_id": c.waits.event, "waited_ms": uint64(now.Sub(c.waits.at).Milliseconds())})
				c.waits = began{}
			}
		}
	})
}

// Misbehaved implements media.Watcher.
func (r *Recorder) Misbehaved(id media.SessionID, what fault.Code) {
	now := time.Now()
	r.tell(func() {
		if c := r.calls[id]; c != nil {
			c.say("PeerMisbehaved", now, map[string]any{"code": code(what), "reason": ""})
		}
	})
}

func (r *Recorder) enter(id media.RoomID, now time.Time) {
	at := r.rooms[id]
	if at == nil {
		at = &room{opened: began{r.server.say("RoomOpened", now, map[string]any{"room": string(id)}), now}}
		r.rooms[id] = at
	}
	at.present++
	at.peak = max(at.peak, at.present)
}

func (r *Recorder) leave(id media.RoomID, now time.Time) {
	at := r.rooms[id]
	if at == nil {
		return
	}
	if at.present--; at.present > 0 {
		return
	}
	delete(r.rooms, id)
	r.server.say("RoomClosed", now, map[string]any{
		"opened_id": at.opened.event, "room": string(id), "duration_ms": uint64(now.Sub(at.opened.at).Milliseconds()), "peak": uint64(at.peak),
	})
}

// Active implements media.Watcher.
func (r *Recorder) Active(id media.SessionID) {
	now := time.Now()
	r.tell(func() {
		c := r.calls[id]
		if c == nil || !c.active.IsZero() {
			return
		}
		c.active = now
		join := c.say("JoinStarted", c.began, map[string]any{"room": string(c.Room)})
		others := 0
		for _, o := range r.calls {
			if o != c && o.Room == c.Room && !o.active.IsZero() {
				others++
			}
		}
		c.say("Joined", now, map[string]any{"join_id": join, "took_ms": milliseconds(now.Sub(c.began)), "others": uint64(others)})
	})
}

// Traffic implements media.Reporter.
func (r *Recorder) Traffic(s media.SessionStats) {
	if r.Next != nil {
		r.Next.Traffic(s)
	}
}

// Disconnected implements media.Reporter.
func (r *Recorder) Disconnected(s media.SessionStats) {
	if r.Next != nil {
		r.Next.Disconnected(s)
	}
	now := time.Now()
	r.tell(func() {
		if c := r.calls[s.Session]; c != nil {
			c.SessionStats = s
			r.disconnected(c, now)
		}
	})
}

func (r *Recorder) disconnected(c *call, now time.Time) {
	delete(r.calls, c.Session)
	for stream := range c.sends {
		c.stops(stream, now)
	}
	if !c.active.IsZero() {
		c.say("Left", now, map[string]any{"code": code(c.SessionStats.End), "stayed_ms": milliseconds(now.Sub(c.active))})
		r.away[c.Session] = absence{c.SessionStats, now}
	}
	if c.SessionStats.End == fault.Removed || c.SessionStats.End == fault.Ended {
		c.say("Removed", now, map[string]any{"code": code(c.SessionStats.End)})
	}
	var side any // nobody knows for sure
	if c.SessionStats.End == fault.Bye {
		side = "Remote"
	}
	c.say("Disconnected", now, map[string]any{
		"terminator": side, "code": code(c.SessionStats.End), "reason": "", "lasted_ms": milliseconds(now.Sub(c.Joined)),
	})
	c.feed.End(string(c.SessionStats.End))
	r.leave(c.Room, now)
}

var streams = map[wire.Stream]string{wire.Audio: "audio", wire.Video: "video", wire.Screen: "screen"}

// Sends implements media.Watcher.
func (r *Recorder) Sends(id media.SessionID, kind media.Kind) {
	stream, ok := streamOf(kind)
	if !ok {
		return
	}
	now := time.Now()
	r.tell(func() {
		if c := r.calls[id]; c != nil {
			c.starts(stream, now)
		}
	})
}

func (c *call) starts(stream wire.Stream, now time.Time) {
	if _, sends := c.sends[stream]; !sends {
		name := streams[stream]
		event := c.say("PublishStarted", now, map[string]any{"stream": decimal(c.Session) + "/" + name, "media": name})
		put(&c.sends, stream, began{event, now})
		put(&c.moved, stream, now)
	}
}

func (c *call) stops(stream wire.Stream, now time.Time) {
	start := c.sends[stream]
	delete(c.sends, stream)
	c.say("PublishStopped", now, map[string]any{"publish_id": start.event, "media": streams[stream], "lasted_ms": milliseconds(now.Sub(start.at))})
}

// streamOf is the stream of a kind of frames; false for those that are none.
func streamOf(kind media.Kind) (wire.Stream, bool) {
	switch kind {
	case media.Audio:
		return wire.Audio, true
	case media.Video:
		return wire.Video, true
	case media.Screen:
		return wire.Screen, true
	}
	return 0, false
}
