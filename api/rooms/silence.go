package rooms

import (
	"time"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// When a host mutes somebody, or switches off camera or screen, the server holds them to it:
// media of that source is dropped until a heartbeat says that the client has switched it off,
// and then until one says that the person has switched it on again. To be silenced is no ban.
//
// A client that encrypts its heartbeats shows that it obeyed by a pause. Of what it sends
// without saying in the envelope what it is, only what is too large for a heartbeat is dropped,
// with the camera: sound looks like a heartbeat, and whoever sends none is taken for gone.

// silenced is what hosts want of one session. Room.mu guards it.
type silenced struct {
	shut wire.Sources // are dropped
	owes wire.Sources // those of shut that the client has not switched off yet

	on    wire.Sources // what the latest heartbeat said
	heard bool         // there was one

	asked time.Time // of the last act that asked for something
	told  bool      // the session was told what a host asked of the one it continues
}

// hush is what a host asked of a session on another node, until that node has said what it owes:
// its user may come back here before. What presence says may be late, or never have come.
type hush struct {
	user    string
	sources wire.Sources
	asked   time.Time
}

// listener is what the read goroutine of a session knows of its heartbeats.
type listener struct {
	on    wire.Sources
	heard bool
	last  [media.KindCount]time.Time // of media that was dropped for being silenced
}

// silentPause is how long a client that nobody understands stops sending what it was asked to
// switch off. Codecs that save what silence costs send something twice a second.
const silentPause = 2 * time.Second

// heed holds those here to what a host asked for, in case this node was cut off when it was
// done; r.mu is held.
func (r *Room) heed(e *callv1.MeetingPacket) {
	var sources wire.Sources
	switch e.EventType {
	case callv1.MeetingPacket_HOST_MUTE_PARTICIPANT:
		sources = wire.SourcesOf(wire.Audio)
	case callv1.MeetingPacket_HOST_DISABLE_VIDEO:
		sources = wire.SourcesOf(wire.Video)
	case callv1.MeetingPacket_HOST_STOP_SCREEN_SHARE:
		sources = wire.SourcesOf(wire.Screen)
	default:
		return
	}
	r.silence(string(e.TargetUserId), string(e.CreatorId), sources, time.Time{})
}

// demand asks for sources to be switched off; r.mu is held.
func (r *Room) demand(s *Session, sources wire.Sources, asked time.Time) {
	s.silence.asked = latest(s.silence.asked, asked)
	s.silence.shut |= sources
	s.silence.owes |= sources
	if s.silence.heard {
		s.silence.owes &= s.silence.on // what is off already need not be switched off again
	}
	s.silencedAt.Store(time.Now().UnixNano())
	r.regate(s)
}

// silence holds everybody called user, or with "" everybody but the one called except, to
// what a host asked for; asked is zero when the log says so, which follows the act. It returns
// once nothing that is read from now on goes through, and nothing waits to be sent to those who
// are connected here; r.mu is held.
func (r *Room) silence(user, except string, sources wire.Sources, asked time.Time) {
	concerned := func(who string) bool {
		return user != "" && who == user || user == "" && who != except
	}
	gone := make(map[media.SessionID]bool)
	for _, s := range *r.sessions.Load() {
		if concerned(s.peer.User) && !s.peer.Observer {
			r.demand(s, sources, asked)
			gone[s.id] = true
		}
	}
	for id, p := range r.local {
		if !concerned(p.User) {
			continue
		}
		owes := p.Silenced | sources
		if p.session != nil {
			owes = p.session.silence.owes
		}
		r.owe(p, owes, asked)
		gone[id] = true
	}
	elsewhere := func(id media.SessionID, user string, said time.Time) {
		if !concerned(user) {
			return
		}
		gone[id] = true
		if asked.After(said) { // else its node was faster, and knows better
			h := r.hushes[id]
			r.hushes[id] = hush{user, h.sources | sources, latest(h.asked, asked)}
		}
	}
	for id, m := range r.remote {
		elsewhere(id, m.User, m.Asked)
	}
	for id, k := range r.log.known {
		if r.local[id] == nil && r.remote[id] == nil { // its node did not say yet that it is there
			elsewhere(id, k.User, time.Time{})
		}
	}
	r.purge(func(id media.SessionID) bool { return gone[id] }, sources)
}

// owe says what p has not switched off yet, for the node where it may come back, and how much of
// what hosts asked that takes into account; r.mu is held.
func (r *Room) owe(p *presence, owes wire.Sources, asked time.Time) {
	if p.Silenced != owes || asked.After(p.Asked) {
		p.Silenced, p.Asked = owes, latest(p.Asked, asked)
		r.agenda.add(r.telling(p.Member))
	}
}

// owed returns what hosts want of the sessions of user, wherever they are; r.mu is held.
func (r *Room) owed(user string) (sources wire.Sources) {
	for _, p := range r.local {
		if p.User == user {
			sources |= p.Silenced
		}
	}
	for _, m := range r.remote {
		if m.User == user {
			sources |= m.Silenced
		}
	}
	for id, h := range r.hushes {
		switch {
		case r.remote[id] == nil && r.log.known[id] == nil:
			delete(r.hushes, id) // it is gone
		case h.user == user:
			sources |= h.sources
		}
	}
	return sources
}

// comply learns from another node what m owes. What is news here holds for everybody of its user
// who is: this node was out of reach of what was done, and of the events. r.mu is held.
func (r *Room) comply(m media.Member) {
	var news wire.Sources
	if m.Silenced != 0 {
		news = m.Silenced &^ r.owed(m.User)
	}
	if h := r.hushes[m.Session]; !m.Asked.Before(h.asked) {
		delete(r.hushes, m.Session)
	}
	if news == 0 {
		return
	}
	for _, p := range r.local {
		switch {
		case p.User != m.User || p.Session == m.Session:
		case p.session == nil:
			r.owe(p, p.Silenced|news, m.Asked)
		default:
			r.inherit(p.session, news)
			r.settle(p.session)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// inherit makes s owe what other sessions of its user do, and reminds its client; r.mu is held.
func (r *Room) inherit(s *Session, owed wire.Sources) {
	if owed == 0 {
		return
	}
	r.demand(s, owed, time.Time{})
	remind := func(stream wire.Stream, ask func(room, target, host string) []byte) {
		if s.silence.owes.Has(stream) && !s.silence.told {
			s.out.Push(control(ask(string(r.id), s.peer.User, "")))
		}
	}
	remind(wire.Audio, wire.HostMute)
	remind(wire.Video, wire.HostDisableVideo)
	remind(wire.Screen, wire.HostStopScreen)
}

// heartbeat takes in what the client of s says it has switched on.
func (s *Session) heartbeat(says []byte, now time.Time) {
	if gate(s.gate.Load())&gateCapped != 0 {
		s.meter.rest(s, now)
	}
	on, ok := wire.ScanHeartbeat(says)
	if !ok || s.listener.heard && on == s.listener.on {
		return
	}
	s.listener.heard, s.listener.on = true, on
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.silence.heard, s.silence.on = true, on
	s.silence.owes &= on
	s.silence.shut &^= on &^ s.silence.owes
	r.settle(s)
}

// paused reports whether the client of s, which is silenced, has shown by a pause that it
// switched the source of stream off. Only the read goroutine of s calls it.
func (s *Session) paused(stream wire.Stream, now time.Time) bool {
	last := &s.listener.last[kindOfStream(stream)]
	asked := time.Unix(0, s.silencedAt.Load())
	since := asked
	if last.After(since) {
		since = *last
	}
	*last = now
	if s.listener.heard || now.Sub(since) < silentPause {
		return false
	}
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.silence.owes &^= wire.SourcesOf(stream)
	s.silence.shut &^= wire.SourcesOf(stream)
	r.settle(s)
	return true
}

// settle makes known what s owes by now; r.mu is held.
func (r *Room) settle(s *Session) {
	r.regate(s)
	if p := r.local[s.id]; p != nil {
		r.owe(p, s.silence.owes, s.silence.asked)
	}
}

// purge drops what waits to be sent of some sources; r.mu is held.
func (r *Room) purge(of func(media.SessionID) bool, sources wire.Sources) {
	for _, s := range *r.sessions.Load() {
		s.out.purge(of, sources)
	}
}
