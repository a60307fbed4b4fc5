package rooms

import (
	"context"
	"time"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

var _ media.Sink = (*Room)(nil)

// Deliver fans out a packet of another node to the sessions of this one.
func (r *Room) Deliver(d media.Delivery) {
	now := time.Now()
	info := wire.Classify(d.Wire)
	if d.From == 0 { // an event of another make; ours are in the log
		if info.Type == callv1.PacketWrapper_MEETING {
			r.fanout(&media.Frame{Kind: media.Control, Received: now, Wire: d.Wire})
		}
		return
	}
	f := newFrame(d.From, &info, d.Wire, now)
	if f.Kind.HasLayers() {
		r.noteRemote(f)
	}
	r.remotely.count(f.Kind, len(d.Wire))
	r.hub.came(d.Wire)
	switch info.Class {
	case wire.MediaFrame, wire.Message:
		if info.Beat {
			r.beatRemote(f, info.Heartbeat)
			return
		}
		r.fanout(f)
	case wire.KeyframeRequest:
		r.routeKeyframeRequest(f, &info)
	case wire.Forged:
		// On the relay it is no forgery: a node reports what its receivers want or lose of the
		// session whose subject it took.
		if info.Type == callv1.PacketWrapper_LAYER_HINT {
			r.demanded(d.From, info.Data)
			return
		}
		if s := r.session(d.From); s != nil && info.Type == callv1.PacketWrapper_CONGESTION {
			f.Kind, f.To = media.Control, s.id
			s.out.Push(f)
		}
	}
}

// noteRemote is noteLayer for a source on another node.
func (r *Room) noteRemote(f *media.Frame) {
	of := r.flows[f.From]
	if r.noteLayer(&of, f); of != nil {
		r.flows[f.From] = of
	}
}

// beatRemote is beat for a source on another node.
func (r *Room) beatRemote(f *media.Frame, says []byte) {
	p := r.pulses[f.From]
	if p == nil {
		p = new(pulse)
		r.pulses[f.From] = p
	}
	r.beat(p, f, says)
}

// Entered learns of a member on another node, or of a change to it.
func (r *Room) Entered(m media.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.recast()
	r.comply(m)
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
		r.remote[m.Session] = &remote{Member: m, since: time.Now()}
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
	if _, replaced := r.retire(m.Replaces); replaced {
		r.log.lost[m.Replaces] = time.Now()
	}
	r.remote[m.Session] = &remote{Member: m, since: time.Now()}
	if !opening {
		r.auditLater()
		return
	}
	// The log says so already; those who are here came while the relay was out of reach.
	if r.log.add(m.Participant(), true) {
		r.fanout(control(wire.ParticipantJoined(string(r.id), m.Participant())))
	}
}

// Left learns that a member on another node is gone. A local session that another node
// withdrew was replaced there.
func (r *Room) Left(m media.Member) {
	delete(r.flows, m.Session)
	delete(r.pulses, m.Session)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.recast()
	if known := r.remote[m.Session]; known != nil {
		if known.Node == m.Node { // else the entry moved to another node
			delete(r.remote, m.Session)
			r.forget(m.Session)
			r.lose(m)
		}
		return
	}
	if p := r.local[m.Session]; p != nil && m.Node == r.hub.node && p.session != nil {
		// Our entry was lost while its session lives: say again that it is here.
		r.agenda.add(r.telling(p.Member))
	}
}

// lose sees to it that the departure of m gets into the log, which is up to its node or, if
// that is gone, to any other; r.mu is held.
func (r *Room) lose(m media.Member) {
	if m.Lost {
		r.log.lost[m.Session] = time.Time{}
		r.agenda.add(r.audit)
		return
	}
	r.log.lost[m.Session] = time.Now()
	r.auditLater()
}
