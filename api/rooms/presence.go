package rooms

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// presence is an active or away session of this node.
type presence struct {
	media.Member
	session *Session // nil while away

	lost    time.Time   // when it went away
	timer   *time.Timer // ends the grace period
	claims  int         // sessions of its user that may take its place
	leaving bool        // the grace period is over
}

// maxHold bounds how long a reconnection in progress keeps a lost session: what a client may
// take to choose a connection and send its first heartbeat.
const maxHold = 10 * time.Second

// attach makes s a session of the room and queues what a newcomer is told: its number, the
// meeting, and who is there. Room traffic follows. It returns the lost session that s may be the
// return of, or 0.
func (r *Room) attach(s *Session, m media.Meeting) (lost media.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.out.Push(control(wire.SessionAssigned(uint64(s.id))))
	if m.Guess {
		r.recall(&m)
	}
	started := wire.MeetingStarted(string(r.id), m.Started, m.Creator)
	s.out.Push(control(started))
	if !s.peer.Observer {
		r.claim(s)
		// The ledger cannot know who is first while meetings are not recorded.
		if m.First && len(r.local)+len(r.remote) == 0 && !r.occupied() {
			r.begin(uint64(m.Started.UnixMilli()))
			r.event(started, s.id)
		}
		if !m.First {
			s.since = uint64(m.Started.UnixMilli())
		}
	}
	r.greet(s)
	r.add(s)
	return s.replaces
}

// recall puts into a guess what the room knows of its meeting: what its log says of the beginning,
// or else who of those who are there came first; r.mu is held.
func (r *Room) recall(m *media.Meeting) {
	there := r.present()
	if len(there) == 0 {
		return
	}
	m.First = false
	if started, creator, ok := r.log.began(); ok {
		m.Started, m.Creator = started, creator
	} else if oldest := there[0]; oldest.Joined.Before(m.Started) {
		m.Started, m.Creator = oldest.Joined, oldest.User
	}
}

// occupied reports whether a session other than an observer is connected here.
func (r *Room) occupied() bool {
	return slices.ContainsFunc(*r.sessions.Load(), func(s *Session) bool { return !s.peer.Observer })
}

// present returns the members on all nodes in the order they joined; r.mu is held.
func (r *Room) present() []media.Member {
	members := make([]media.Member, 0, len(r.local)+len(r.remote))
	for _, p := range r.local {
		members = append(members, p.Member)
	}
	for _, m := range r.remote {
		members = append(members, m.Member)
	}
	slices.SortFunc(members, func(a, b media.Member) int {
		return cmp.Or(a.Joined.Compare(b.Joined), cmp.Compare(a.Session, b.Session))
	})
	return members
}

// claim looks for a lost session that s may be the return of, and keeps it from leaving
// while s makes up its mind; r.mu is held.
func (r *Room) claim(s *Session) {
	for _, p := range r.local {
		if p.Away && !p.leaving && p.Continues(s.peer) {
			s.replaces = p.Session
			p.claims++
			p.timer.Reset(time.Until(p.lost.Add(maxHold)))
			return
		}
	}
	for _, m := range r.remote {
		if m.Away && m.Continues(s.peer) {
			r.adopt(s, m.Member)
			return
		}
	}
}

// adopt takes over a session that was lost by another node; r.mu is held. The new entry is
// announced before the old one is withdrawn, so no node sees the session disappear.
func (r *Room) adopt(s *Session, m media.Member) {
	old := m
	m.Node = r.hub.node
	p := &presence{Member: m, lost: time.Now(), claims: 1}
	p.timer = time.AfterFunc(maxHold, func() { r.expire(p) })
	r.local[m.Session] = p
	delete(r.remote, m.Session)
	s.replaces = m.Session
	r.hub.retain(r)
	r.agenda.add(func(ctx context.Context) {
		r.tell(ctx, m)
		r.untell(ctx, old)
	})
	// s is recorded already, so the meeting does not notice that the old session ends.
	r.exit(old)
}

// activate makes s known to everybody, and to those on this node before it returns, unless
// ctx ends or that takes too long: receivers want to know of whom a packet is. Only its read
// goroutine calls it.
func (r *Room) activate(ctx context.Context, s *Session) {
	told := r.introduce(s)
	if told == nil {
		return
	}
	patience := time.NewTimer(sayPatience)
	defer patience.Stop()
	select {
	case <-told:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// introduce makes s known; the channel is closed when this node was told. It is nil
// when s has left already.
func (r *Room) introduce(s *Session) (told <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.gone {
		return nil
	}
	r.hub.watcher.Active(s.id)
	s.out.forgetStreams() // its decoders start now
	if s.replaces == 0 {
		s.replaces = r.sameInstance(s)
	}
	m := s.member()
	r.inherit(s, r.owed(s.peer.User))
	m.Silenced, m.Asked = s.silence.owes, s.silence.asked
	old, replaced := r.retire(s.replaces)
	if replaced {
		m.Replaces = old.Session
	}
	r.recount(s)
	r.local[s.id] = &presence{Member: m, session: s}
	s.activated.Store(time.Now().UnixNano())
	s.active.Store(true)
	r.recast()
	// Presence comes first: a node that opens the room finds everybody there or in what
	// follows in the log.
	r.agenda.add(func(ctx context.Context) {
		r.tell(ctx, m)
		if replaced {
			r.untell(ctx, old)
		}
	})
	if replaced {
		return r.event(wire.SessionReplaced(string(r.id), m.Participant(), uint64(old.Session)), s.id)
	}
	return r.event(wire.ParticipantJoined(string(r.id), m.Participant()), s.id)
}

// sameInstance returns the active session of the client that s belongs to, or 0: a client
// that comes back before its loss was noticed; r.mu is held.
func (r *Room) sameInstance(s *Session) media.SessionID {
	if s.peer.Instance == "" {
		return 0
	}
	for _, m := range r.present() {
		if m.User == s.peer.User && m.Instance == s.peer.Instance {
			return m.Session
		}
	}
	return 0
}

// retire removes a session that was replaced, without a word to the room; r.mu is held.
func (r *Room) retire(id media.SessionID) (media.Member, bool) {
	if m := r.remote[id]; m != nil {
		delete(r.remote, id) // its node ends it when it learns who replaced it
		r.forget(id)
		return m.Member, true
	}
	p := r.local[id]
	if p == nil {
		return media.Member{}, false
	}
	delete(r.local, id)
	r.forget(id)
	if p.session != nil {
		p.session.end(fault.New(fault.Bye, "another connection of this client took over"))
		return p.Member, true
	}
	p.timer.Stop()
	r.exit(p.Member)
	r.hub.release(r)
	return p.Member, true
}

// detach removes s from the room after its connection ended with err. An active session
// stays away for the grace period, unless the server sent it off for good.
func (r *Room) detach(s *Session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(s)
	s.gone = true
	if s.peer.Observer {
		return
	}
	p := r.local[s.id]
	if p == nil { // testing, or replaced
		if !s.active.Load() {
			r.unclaim(s)
		}
		r.exit(s.member())
		return
	}
	r.hub.retain(r)
	p.session, p.Away, p.lost = nil, true, time.Now()
	grace := r.hub.grace
	switch code := fault.CodeOf(err); {
	case code == fault.Ended, code == fault.Forbidden, code == fault.Removed, code == fault.SignedOut, r.hub.hurry.Load():
		grace = 0
	}
	p.timer = time.AfterFunc(grace, func() { r.expire(p) })
	r.agenda.add(r.telling(p.Member))
	r.recast()
}

// telling returns the act of announcing m.
func (r *Room) telling(m media.Member) func(context.Context) {
	return func(ctx context.Context) {
		r.mu.Lock()
		p, here := r.local[m.Session]
		here = here && !p.leaving
		r.mu.Unlock()
		if here { // else it was replaced meanwhile, or is about to be withdrawn
			r.tell(ctx, m)
		}
	}
}

// unclaim lets go of the lost session that s did not come back as; r.mu is held.
func (r *Room) unclaim(s *Session) {
	if p := r.local[s.replaces]; p != nil && p.session == nil {
		if p.claims--; p.claims == 0 {
			p.timer.Reset(r.hub.grace)
		}
	}
}

// expire ends the grace period of p: nobody came back.
func (r *Room) expire(p *presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.local[p.Session] != p || p.leaving {
		return
	}
	if p.claims > 0 && time.Since(p.lost) < maxHold && !r.hub.hurry.Load() {
		return // somebody came back just as the timer fired; it is set again
	}
	p.leaving = true
	if r.departing = append(r.departing, p); len(r.departing) == 1 {
		r.agenda.add(r.departAll)
	}
}

// expireAll ends every grace period now.
func (r *Room) expireAll() {
	r.mu.Lock()
	away := make([]*presence, 0, len(r.local))
	for _, p := range r.local {
		if p.session == nil {
			away = append(away, p)
		}
	}
	r.mu.Unlock()
	for _, p := range away {
		r.expire(p)
	}
}

// departingAtOnce is how many entries of a room are withdrawn side by side: many leave at once when
// their meeting is over, and one answer after the other would keep the room busy for seconds.
const departingAtOnce = 32

// departAll tells everybody who is gone, but for those whom another node took over meanwhile.
func (r *Room) departAll(ctx context.Context) {
	r.mu.Lock()
	leaving := r.departing
	r.departing = nil
	r.mu.Unlock()
	adopted := make([]bool, len(leaving))
	var g errgroup.Group
	g.SetLimit(departingAtOnce)
	for i, p := range leaving {
		g.Go(func() error {
			adopted[i] = r.untell(ctx, p.Member)
			return nil
		})
	}
	_ = g.Wait() // they do not fail
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range leaving {
		r.depart(p, adopted[i])
	}
}

// depart tells the room that p is gone, unless another node took it over; r.mu is held.
func (r *Room) depart(p *presence, adopted bool) {
	if r.local[p.Session] != p {
		return
	}
	delete(r.local, p.Session)
	r.recrowd()
	if !adopted {
		r.hub.watcher.Departed(p.Session)
		r.forget(p.Session)
		r.event(wire.ParticipantLeft(string(r.id), p.Participant()), 0)
		r.exit(p.Member)
	}
	r.hub.release(r)
}

// forget drops what waits of a session in every queue.
func (r *Room) forget(id media.SessionID) {
	for _, s := range *r.sessions.Load() {
		s.out.Forget(id)
	}
}

// exit records the end of a session in the ledger, without keeping the agenda waiting, and
// tells the room when the meeting ended with it.
func (r *Room) exit(m media.Member) {
	r.hub.retain(r)
	r.agenda.add(func(ctx context.Context) {
		r.hub.work.Go(func() {
			defer r.hub.release(r)
			if ending := r.hub.ledger.Exit(ctx, m); ending.Over && ending.Message != "" {
				r.event(wire.MeetingEnded(string(r.id), ending.Message), 0)
			}
		})
	})
}
