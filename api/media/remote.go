package media

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

var _ Sink = (*Room)(nil)

// Deliver fans out a packet of another node to the sessions of this one.
func (r *Room) Deliver(d Delivery) {
	now := time.Now()
	info := wire.Classify(d.Wire)
	if d.From == 0 {
		r.deliverEvent(d, &info, now)
		return
	}
	f := newFrame(d.From, &info, d.Wire, now)
	switch info.Class {
	case wire.MediaFrame, wire.Message:
		r.fanout(f)
	case wire.KeyframeRequest:
		r.routeKeyframeRequest(f, &info)
	case wire.Forged:
		// On the relay it is no forgery: a node reports that a receiver of its own loses the
		// packets of the session whose subject it took.
		if s := r.session(d.From); s != nil && info.Type == callv1.PacketWrapper_CONGESTION {
			f.Kind, f.To = Control, s.id
			s.out.Push(f)
		}
	}
}

// deliverEvent passes on a meeting event. Comings and goings on parley's own nodes are told
// by presence, which every node sees exactly once and in order.
func (r *Room) deliverEvent(d Delivery, info *wire.Info, now time.Time) {
	if info.Type != callv1.PacketWrapper_MEETING {
		return
	}
	if !d.Foreign {
		var m callv1.MeetingPacket
		if proto.Unmarshal(info.Data, &m) != nil {
			return
		}
		switch m.EventType {
		case callv1.MeetingPacket_PARTICIPANT_JOINED, callv1.MeetingPacket_PARTICIPANT_LEFT,
			callv1.MeetingPacket_SESSION_REPLACED:
			return
		}
	}
	r.fanout(&Frame{Kind: Control, Received: now, Wire: d.Wire})
}

// Entered learns of a member on another node, or of a change to it.
func (r *Room) Entered(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.remote[m.Session]; known != nil {
		known.Member = m
		return
	}
	if p := r.local[m.Session]; p != nil { // adopted by another node
		if p.session != nil {
			return
		}
		p.timer.Stop()
		delete(r.local, m.Session)
		r.remote[m.Session] = &remote{Member: m}
		r.hub.release(r)
		return
	}
	opening := r.link.Load() == nil
	if m.Away && !opening {
		return // lost before we heard of it: nothing to tell
	}
	if p := r.local[m.Replaces]; p != nil {
		// The other node withdraws our entry as well; if it fails to, nobody else would.
		mine := p.Member
		r.agenda.add(func(ctx context.Context) { r.untell(ctx, mine) })
	}
	old, replaced := r.retire(m.Replaces)
	r.remote[m.Session] = &remote{Member: m}
	if replaced {
		r.fanout(control(wire.SessionReplaced(string(r.id), m.participant(), uint64(old.Session))))
		return
	}
	r.fanout(control(wire.ParticipantJoined(string(r.id), m.participant())))
}

// Left learns that a member on another node is gone. A local session that another node
// withdrew was replaced there.
func (r *Room) Left(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.remote[m.Session]; known != nil {
		if known.Node == m.Node { // else the entry moved to another node
			delete(r.remote, m.Session)
			r.left(m)
		}
		return
	}
	if p := r.local[m.Session]; p != nil && m.Node == r.hub.node && p.session != nil {
		// Our entry was lost while its session lives: say again that it is here.
		r.agenda.add(r.telling(p.Member))
	}
}
