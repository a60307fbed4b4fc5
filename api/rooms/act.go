package rooms

import (
	"context"
	"slices"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// Apply does what a says to those connected to this node. It does not block.
func (h *Hub) Apply(a media.Act) {
	var why error
	if a.Remove != "" {
		why = fault.New(a.Remove, "%s", a.Message)
	}
	// Also sessions that are about to enter: they find their end when they are in.
	of := h.live()
	of = slices.DeleteFunc(of, func(s *Session) bool {
		return s.peer.Room != a.Room || a.User != "" && s.peer.User != a.User
	})
	if why != nil {
		expel(of, a.Farewell, why)
	}
	if a.Host != nil {
		for _, s := range of {
			s.host.Store(*a.Host)
		}
	}
	h.mu.Lock()
	r := h.rooms[a.Room]
	if r == nil || r.refs == 0 {
		h.mu.Unlock()
		return
	}
	r.refs++
	h.mu.Unlock()
	defer h.release(r)
	r.apply(a)
}

// SignOut ends the sessions of this node that came by one of the given sign-ins. No media
// reaches them from then on. It does not block.
func (h *Hub) SignOut(signIns []string) {
	of := h.live() // also those that are about to enter
	of = slices.DeleteFunc(of, func(s *Session) bool {
		return s.peer.SignIn == "" || !slices.Contains(signIns, s.peer.SignIn)
	})
	expel(of, nil, errSignedOut)
}

var errSignedOut = fault.New(fault.SignedOut, "you have signed out")

// expel ends sessions: what waits for them but control is dropped, and nothing follows but the
// farewell. None hears that the others leave.
func expel(all []*Session, farewell []byte, why error) {
	for _, s := range all {
		s.room.mu.Lock()
		s.room.remove(s)
		s.room.mu.Unlock()
	}
	for _, s := range all {
		if farewell != nil {
			s.out.Push(control(farewell))
		}
		s.out.Close(why)
		s.end(why)
	}
}

// apply changes what the room knows of the people of a.
func (r *Room) apply(a media.Act) {
	r.mu.Lock()
	if a.Silence != 0 {
		r.silence(a.User, a.Except, a.Silence, a.Asked)
		r.mu.Unlock()
		return
	}
	var lost []*presence
	for _, p := range r.local {
		if a.User != "" && p.User != a.User {
			continue
		}
		if a.Remove != "" {
			if p.session == nil {
				p.claims = 0
				lost = append(lost, p)
			}
			continue
		}
		before := p.Member
		if a.Name != "" {
			p.DisplayName = a.Name
		}
		if a.Host != nil {
			p.Host = *a.Host
		}
		if p.Member != before {
			r.agenda.add(r.telling(p.Member))
		}
	}
	r.mu.Unlock()
	for _, p := range lost {
		r.expire(p)
	}
}

// Tell delivers a meeting event to everybody in room and in front of it, on all nodes. It
// blocks until it is in the log of the room, or told on this node while that is out of reach,
// or ctx ends.
func (h *Hub) Tell(ctx context.Context, room media.RoomID, event []byte) error {
	h.mu.Lock()
	r := h.rooms[room]
	if r == nil || r.refs == 0 {
		h.mu.Unlock()
		return h.relay.Append(ctx, room, media.NewEvent(event))
	}
	r.refs++
	h.mu.Unlock()
	defer h.release(r)
	select {
	case <-r.event(event, 0):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// EndMeeting tells everybody in room, on all nodes, that its meeting is over, and why.
func (h *Hub) EndMeeting(ctx context.Context, room media.RoomID, message string) error {
	return h.Tell(ctx, room, wire.MeetingEnded(string(room), message))
}

// Connected is one session of this node.
type Connected struct {
	media.Member
	Observer bool
}

// Connected lists the sessions of this node, oldest first.
func (h *Hub) Connected() []Connected {
	var all []Connected
	for _, s := range h.live() {
		all = append(all, Connected{s.member(), s.peer.Observer})
	}
	slices.SortFunc(all, func(a, b Connected) int { return a.Joined.Compare(b.Joined) })
	return all
}
