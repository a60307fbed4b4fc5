package rooms

import (
	"context"
	"time"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

const (
	// sayPatience is how long those on this node wait for an event to pass through the log.
	sayPatience = time.Second
	// auditAfter is how long the node that somebody came to, or left, may take to say so
	// before the others do.
	auditAfter = time.Second
	// lostMost is how long a departure is remembered of somebody whose coming was not told.
	lostMost = time.Minute
	// unsaidMost bounds the events that wait for the log.
	unsaidMost = 256
)

// event brings a packet into the log of the room, from where everybody is told but except.
// It does not block; the channel is closed when the sessions here are told.
func (r *Room) event(packet []byte, except media.SessionID) (told <-chan struct{}) {
	e, done := newSaying(packet, except), make(chan struct{})
	late := time.AfterFunc(sayPatience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !e.said {
			r.tellEarly(e)
		}
	})
	r.agenda.add(func(ctx context.Context) {
		defer close(done)
		r.say(ctx, e)
		late.Stop()
	})
	return done
}

// say appends e to the log, unless the log says it already. When that is out of reach those
// who are here are told at once, and the log hears of it later.
func (r *Room) say(ctx context.Context, e *saying) {
	said := r.attempt(ctx, e)
	r.mu.Lock()
	defer r.mu.Unlock()
	e.said = true
	if !said {
		r.tellEarly(e)
		r.sayLater(e)
	}
}

// attempt appends e and reports whether nothing is left to do.
func (r *Room) attempt(ctx context.Context, e *saying) bool {
	l := r.link.Load()
	if l == nil {
		return false
	}
	r.mu.Lock()
	r.log.saying[e.ID] = e
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	err := (*l).Append(ctx, e.Event, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.log.wanted(e.content)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	_, untold := r.log.saying[e.ID]
	delete(r.log.saying, e.ID)
	if err != nil && untold {
		r.failed("event not in the log", "err", err)
		return false
	}
	return true
}

// tellEarly tells the sessions here what the log does not hold yet; r.mu is held.
func (r *Room) tellEarly(e *saying) {
	if e.early {
		return
	}
	e.early = true
	if !r.log.note(e.content, false) {
		return
	}
	r.noteAdmission(e.content)
	f := control(e.Wire)
	for _, s := range *r.sessions.Load() {
		if s.id != e.except && (!e.chat || s.reads()) {
			r.deliver(s, f)
		}
	}
}

// sayLater leaves it to the audit to append e; r.mu is held. Comings and goings that makes up
// from who is there by then.
func (r *Room) sayLater(e *saying) {
	if !comesOrGoes(e.content) && len(r.log.unsaid) < unsaidMost {
		r.log.saying[e.ID] = e // it may be in the log after all
		r.log.unsaid = append(r.log.unsaid, e)
	}
	r.auditLater()
}

// Told passes on an event of the log. Who knows it already is told its number alone, so that
// nobody misses one.
func (r *Room) Told(e media.Event) {
	content, chat := eventOf(e.Wire)
	if content == nil {
		return // a log that we did not write
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Past {
		r.log.append(e)
		return
	}
	r.catchUp()
	mine := r.log.saying[e.ID]
	delete(r.log.saying, e.ID)
	gap := e.Epoch == r.log.at.Epoch && e.Number != r.log.at.Number+1
	r.log.append(e)
	news := r.log.note(content, true)
	if mine == nil || !mine.early {
		r.heed(content)
		r.noteAdmission(content)
	}
	mark := control(wire.CaughtUp(string(r.id), e.Epoch, e.Number, false))
	told := control(numbered(e, content, chat))
	for _, s := range *r.sessions.Load() {
		switch {
		case !news, chat && !s.reads(), mine != nil && (mine.early || mine.except == s.id), isSubject(content, s.id):
			r.deliver(s, mark)
		default:
			if gap { // what nobody keeps any more is not waited for
				r.deliver(s, control(wire.CaughtUp(string(r.id), e.Epoch, e.Number-1, true)))
			}
			r.deliver(s, told)
		}
	}
	switch p := r.local[media.SessionID(content.SessionId)]; {
	case gap:
		r.agenda.add(r.audit)
	case p != nil && !p.leaving && content.EventType == callv1.MeetingPacket_PARTICIPANT_LEFT:
		r.auditLater() // this node was taken for dead
	}
}

// noteAdmission tells the watcher when e says that somebody was let in.
func (r *Room) noteAdmission(e *callv1.MeetingPacket) {
	if e.EventType == callv1.MeetingPacket_PARTICIPANT_ADMITTED {
		r.hub.watcher.Admitted(r.id, string(e.TargetUserId))
	}
}

// isSubject reports whether e tells that id itself came or went.
func isSubject(e *callv1.MeetingPacket, id media.SessionID) bool {
	return media.SessionID(e.SessionId) == id && comesOrGoes(e)
}

// greet tells a newcomer what it missed, if it says what it knows, then who is there, and
// which number is next; r.mu is held.
func (r *Room) greet(s *Session) {
	at := r.log.at
	var missed []media.Event
	complete := false
	if !s.peer.Observer {
		missed, complete = r.log.since(s.peer.After)
	}
	s.silence.told = complete && s.peer.After.Number > 0
	for _, e := range missed {
		s.out.Push(control(r.again(e, s)))
	}
	if !s.peer.Observer {
		for _, k := range r.log.roster() {
			if media.SessionID(k.Session) != s.replaces {
				s.out.Push(control(wire.ParticipantJoined(string(r.id), r.current(k))))
			}
		}
	}
	if at.Number > 0 {
		s.out.Push(control(wire.CaughtUp(string(r.id), at.Epoch, at.Number, !complete)))
	}
}

// catchUp tells those who came while the relay was out of reach up to which number nothing comes
// any more, before the first event that does; r.mu is held.
func (r *Room) catchUp() {
	at := r.log.at
	if !r.catching {
		return
	}
	r.catching = false
	if at.Number == 0 {
		return // who hears of the first event misses none
	}
	for _, s := range *r.sessions.Load() {
		s.out.Push(control(wire.CaughtUp(string(r.id), at.Epoch, at.Number, true)))
	}
}

// again returns e for somebody who comes back. What would send them away again, and what
// happened to their own sessions, is over.
func (r *Room) again(e media.Event, s *Session) []byte {
	content, chat := eventOf(e.Wire)
	own := string(content.TargetUserId) == s.peer.User
	switch content.EventType {
	case callv1.MeetingPacket_MEETING_ENDED:
		own = true
	case callv1.MeetingPacket_PARTICIPANT_JOINED, callv1.MeetingPacket_PARTICIPANT_LEFT, callv1.MeetingPacket_SESSION_REPLACED,
		callv1.MeetingPacket_PARTICIPANT_KICKED, callv1.MeetingPacket_PARTICIPANT_REJECTED:
	default:
		own = false
	}
	if own {
		return wire.CaughtUp(string(r.id), e.Epoch, e.Number, false)
	}
	return numbered(e, content, chat)
}

// numbered returns the packet of e with its place in the log.
func numbered(e media.Event, content *callv1.MeetingPacket, chat bool) []byte {
	if chat {
		return numberedLine(e, false)
	}
	return wire.Numbered(content, e.Epoch, e.Number)
}

// current returns what k is called by now; r.mu is held.
func (r *Room) current(k *known) wire.Participant {
	if p := r.local[media.SessionID(k.Session)]; p != nil {
		return p.Participant()
	}
	if m := r.remote[media.SessionID(k.Session)]; m != nil {
		return m.Participant()
	}
	return k.Participant
}

// auditLater compares the log with presence after a while; r.mu is held.
func (r *Room) auditLater() {
	if r.auditing {
		return
	}
	r.auditing = true
	time.AfterFunc(auditAfter, func() {
		r.agenda.add(func(ctx context.Context) {
			r.mu.Lock()
			r.auditing = false
			r.mu.Unlock()
			r.audit(ctx)
		})
	})
}

// audit says what should be in the log and is not: events that were told here alone, those
// who are there and were not announced, those who are gone without a word. Usually somebody
// did so long before; this is for nodes that died or were cut off.
func (r *Room) audit(ctx context.Context) {
	r.mu.Lock()
	todo := r.findings(time.Now())
	r.mu.Unlock()
	for i, e := range todo {
		if r.attempt(ctx, e) {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range todo[i:] {
			r.tellEarly(e)
			r.sayLater(e)
		}
		return
	}
}

// findings returns what is to be said now; r.mu is held.
func (r *Room) findings(now time.Time) (todo []*saying) {
	for _, e := range r.log.unsaid {
		if r.log.saying[e.ID] != nil { // else it was told meanwhile
			todo = append(todo, e)
		}
	}
	r.log.unsaid = nil
	for _, m := range r.present() {
		if k := r.log.known[m.Session]; k != nil && k.logged || r.leaving(m.Session) {
			continue
		}
		if far := r.remote[m.Session]; far != nil && now.Sub(far.since) < auditAfter {
			r.auditLater()
			continue
		}
		todo = append(todo, newSaying(wire.ParticipantJoined(string(r.id), m.Participant()), m.Session))
	}
	for id, since := range r.log.lost {
		switch k := r.log.known[id]; {
		case now.Sub(since) < auditAfter:
			r.auditLater()
		case k != nil:
			todo = append(todo, newSaying(wire.ParticipantLeft(string(r.id), k.Participant), 0))
		case now.Sub(since) > lostMost:
			delete(r.log.lost, id)
		}
	}
	for id := range r.log.owed {
		gone := wire.Participant{Session: uint64(id)}
		todo = append(todo, newSaying(wire.ParticipantLeft(string(r.id), gone), 0))
	}
	return todo
}

// leaving reports whether the departure of a local session is being told; r.mu is held.
func (r *Room) leaving(id media.SessionID) bool {
	p := r.local[id]
	return p != nil && p.leaving
}
