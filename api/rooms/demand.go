package rooms

import (
	"context"
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// Publishers are told which layers anybody wants, so that they need not make the others. What
// is wanted more is said at once, what is wanted less once it has stayed so.
//
// Every node says what its own sessions want of a source that is elsewhere; the node of the
// source puts that together. Of a node that says nothing everything is assumed, so what gets
// lost costs bandwidth and nothing else.

const (
	// recountAfter is how long changes are collected before they are counted.
	recountAfter = 50 * time.Millisecond
	// lessAfter is how long less must be wanted before a publisher is told: making a layer
	// again costs a keyframe.
	lessAfter = 2 * time.Second
	// sayDemandEvery is how often nodes repeat what they want, and demandExpires how long
	// what they said counts.
	sayDemandEvery = 5 * time.Second
	demandExpires  = 3 * sayDemandEvery
	// maxDemandNodes bounds what is remembered for one source.
	maxDemandNodes = 1024
)

// everything is what is wanted where nothing else is known.
var everything = wire.LayersWanted{Video: wire.AllLayers, Screen: wire.AllLayers}

// demand is what is wanted of one source with layers. Room.mu guards it.
type demand struct {
	told  wire.LayersWanted // the publisher or, where that is elsewhere, its node
	at    time.Time         // when; zero when nothing was said
	less  time.Time         // since when less is wanted than told; zero when it is not
	nodes map[media.NodeID]nodeDemand
}

type nodeDemand struct {
	wants wire.LayersWanted
	at    time.Time
}

// hasLayers begins to count what is wanted of a source.
func (r *Room) hasLayers(id media.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demandOf(id)
}

func (r *Room) demandOf(id media.SessionID) *demand {
	d := r.demands[id]
	if d == nil {
		d = &demand{told: everything, nodes: make(map[media.NodeID]nodeDemand)}
		r.demands[id] = d
		r.recountIn(recountAfter)
	}
	return d
}

// demanded takes in what another node wants of a source.
func (r *Room) demanded(id media.SessionID, data []byte) {
	wants, node, ok := wire.ReadLayerHint(data)
	if !ok || node == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.local[id]; p == nil || p.session == nil {
		return
	}
	d := r.demandOf(id)
	if _, known := d.nodes[media.NodeID(node)]; known || len(d.nodes) < maxDemandNodes {
		d.nodes[media.NodeID(node)] = nodeDemand{wants, time.Now()}
		r.recountIn(recountAfter)
	}
}

// recountSoon sees to it that a change of what is wanted gets about.
func (r *Room) recountSoon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recountIn(recountAfter)
}

// recountIn counts what is wanted after that time at the latest; r.mu is held.
func (r *Room) recountIn(d time.Duration) {
	at := time.Now().Add(d)
	if len(r.demands) == 0 || !r.recountAt.IsZero() && !at.Before(r.recountAt) {
		return
	}
	if r.recounting != nil {
		r.recounting.Stop()
	}
	r.recountAt = at
	r.recounting = time.AfterFunc(d, func() { r.agenda.add(r.recountDemands) })
}

// recountDemands tells publishers here, and the nodes of others, what is wanted by now.
func (r *Room) recountDemands(context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recountAt = time.Time{}
	now, next := time.Now(), sayDemandEvery
	nodes := make(map[media.NodeID]bool)
	for _, m := range r.remote {
		nodes[m.Node] = true
	}
	for id, d := range r.demands {
		switch {
		case r.local[id] != nil:
			if s := r.local[id].session; s != nil {
				next = min(next, r.hint(s, d, nodes, now))
			}
		case r.remote[id] != nil:
			r.sayDemand(id, d, now)
		default:
			delete(r.demands, id)
		}
	}
	r.recountIn(next)
}

// hint tells the publisher s what is wanted of it, if it is time to. It returns when to count
// again; r.mu is held.
func (r *Room) hint(s *Session, d *demand, nodes map[media.NodeID]bool, now time.Time) time.Duration {
	wanted := r.wanted(s.id)
	for n := range nodes {
		said, known := d.nodes[n]
		if !known || now.Sub(said.at) > demandExpires {
			said.wants = everything
		}
		wanted = wanted.Join(said.wants)
	}
	for n := range d.nodes {
		if !nodes[n] {
			delete(d.nodes, n)
		}
	}
	both := d.told.Join(wanted)
	switch {
	case wanted == both:
		d.less = time.Time{}
	case d.less.IsZero():
		d.less = now
	case now.Sub(d.less) >= lessAfter:
		d.less, both = time.Time{}, wanted
	}
	if both != d.told {
		d.told, d.at = both, now
		s.out.Push(control(wire.LayerHint(uint64(s.id), both, "")))
		r.hub.counters.LayerHints.Add(1)
	}
	if d.less.IsZero() {
		return sayDemandEvery
	}
	return lessAfter - now.Sub(d.less)
}

// sayDemand tells the node of a source what is wanted here; r.mu is held.
func (r *Room) sayDemand(id media.SessionID, d *demand, now time.Time) {
	wanted := r.wanted(id)
	if wanted == d.told && (d.at.IsZero() || now.Sub(d.at) < sayDemandEvery) {
		return
	}
	d.told, d.at = wanted, now
	f := control(wire.LayerHint(uint64(id), wanted, string(r.hub.node)))
	f.From, f.To = id, id // it travels on the subject of the source
	r.publish(f)
}

// recast does what follows from a change of who is there; r.mu is held.
func (r *Room) recast() {
	r.share()
	r.recrowd()
	r.recountIn(recountAfter)
}

// wanted returns what the sessions of this node want of a source; r.mu is held.
func (r *Room) wanted(id media.SessionID) (w wire.LayersWanted) {
	for _, s := range *r.sessions.Load() {
		if s.id != id && !s.peer.Observer && s.active.Load() {
			w = w.Join(s.wanted(id))
		}
	}
	return w
}

// wanted returns what s wants of a source.
func (s *Session) wanted(id media.SessionID) wire.LayersWanted {
	sel, most := s.selection.Load(), s.strain.ceiling()
	if sel == nil && !s.knowsLayers() {
		return wire.LayersWanted{Video: wire.Only(0), Screen: wire.Only(0), Plain: true}
	}
	wanted := wire.LayersWanted{Video: wire.UpTo(most), Screen: wire.UpTo(most)}
	if sel == nil {
		return wanted
	}
	w := sel.of(id)
	if c, ok := w.choice(media.Screen); ok {
		wanted.Screen = wire.Only(min(c.layer, most))
	}
	if c, ok := w.choice(media.Video); ok {
		wanted.Video = wire.Only(min(c.layer, most))
	}
	if sel.hides(w, media.Video) {
		wanted.Video = 0
	}
	return wanted
}
