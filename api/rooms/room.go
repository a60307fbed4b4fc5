package rooms

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// Room fans frames out to its members on this node and hands them to the relay.
//
// Fan-out runs for every packet: one atomic load, then one Push per session; it takes no
// lock of the room and does not allocate. Everything about membership is rare and
// serialised by mu; what it has to tell other nodes is put on the agenda, which is worked
// off in order.
type Room struct {
	id  media.RoomID
	hub *Hub

	sessions  atomic.Pointer[[]*Session] // never nil; replaced, not changed
	allotment atomic.Pointer[allotment]  // nil without a cap
	budgets   atomic.Pointer[budgets]    // never nil
	bucket    sharedBucket
	link      atomic.Pointer[media.Link] // nil while the relay is out of reach

	crowded   atomic.Bool // see pulse.go
	lingering atomic.Bool // patient frames wait, and will be sent

	agenda   agenda
	opened   chan struct{} // closed after the first attempt to reach the relay
	closed   chan struct{} // closed when the link is
	refs     int           // guarded by hub.mu
	past     Count         // of sessions that ended; guarded by hub.mu
	courier  *courier      // of those that come next; guarded by hub.mu
	carried  int           // how many of the sessions it has; guarded by hub.mu
	remotely traffic       // from other nodes

	mu     sync.Mutex
	local  map[media.SessionID]*presence // active and away sessions of this node
	remote map[media.SessionID]*remote   // members on other nodes
	rules  Rules

	departing []*presence // whose departure is to be told

	hushes map[media.SessionID]hush // see silence.go

	demands    map[media.SessionID]*demand // of sources with layers
	recounting *time.Timer
	recountAt  time.Time // when it fires; zero when it does not

	log         eventLog
	relayFailed time.Time // when the relay last did not answer
	auditing    bool      // an audit is set
	catching    bool      // who came while the relay was out of reach was not told what comes next

	// Of sources elsewhere; only calls of the relay use them.
	flows  map[media.SessionID]*flows
	pulses map[media.SessionID]*pulse
}

// remote is a member on another node.
type remote struct {
	media.Member
	since time.Time // when it came
	asked keyframesAsked
}

func newRoom(h *Hub, id media.RoomID) *Room {
	r := &Room{
		id: id, hub: h, log: newEventLog(),
		opened: make(chan struct{}), closed: make(chan struct{}),
		local: make(map[media.SessionID]*presence), remote: make(map[media.SessionID]*remote),
		demands: make(map[media.SessionID]*demand), flows: make(map[media.SessionID]*flows),
		pulses: make(map[media.SessionID]*pulse), hushes: make(map[media.SessionID]hush),
	}
	r.sessions.Store(new([]*Session))
	r.rules = h.rules(id)
	r.budgets.Store(r.rules.budgets())
	r.share()
	return r
}

// fanout offers f to everybody it is for. It does not block.
func (r *Room) fanout(f *media.Frame) {
	choosing, unwanted := f.Kind.IsPicture() || f.Kind == media.Audio && f.Layers > 1, uint64(0)
	for _, s := range *r.sessions.Load() {
		if s.id == f.From || s.observer && f.Kind != media.Control {
			continue
		}
		if choosing {
			yes, ask := s.selects(f)
			if ask && s.active.Load() {
				r.askKeyframe(s, f)
			}
			if !yes {
				unwanted++
				continue
			}
		}
		r.deliver(s, f)
	}
	if unwanted > 0 {
		r.hub.counters.Unwanted[f.Kind].Add(unwanted)
	}
}

// noteLayer notes in f, which can have layers, those that its source sends. of are the flows of that
// source; they begin with the first frame above the lowest layer.
func (r *Room) noteLayer(of **flows, f *media.Frame) {
	if *of == nil {
		if f.Layer == 0 {
			return
		}
		*of = new(flows)
		r.hasLayers(f.From)
	}
	(*of).note(f)
}

// deliver offers f to one session and acts on what its queue says.
func (r *Room) deliver(s *Session, f *media.Frame) {
	verdict, wantKey := s.out.Push(f)
	if f.Layers > 1 && f.Kind.IsPicture() {
		r.watchStrain(s, f)
	}
	if verdict == Dropped && s.congestion.lost(f.From, f.Received) {
		r.reportCongestion(s, f.From)
	}
	if wantKey && s.active.Load() {
		r.askKeyframe(s, f)
	}
}

// watchStrain changes how many layers s gets by how long its queue is after a picture that
// has layers was offered to it.
func (r *Room) watchStrain(s *Session, f *media.Frame) {
	switch {
	case !s.out.tight[f.Kind-firstPicture].Load():
		if s.strain.relax(f.Received) {
			r.recountSoon()
		}
	case s.strain.below(f.Layer, f.Received):
		r.hub.counters.LayersLowered.Add(1)
		s.out.Push(downlinkCongestion())
		r.recountSoon()
	default:
		s.strain.hold(f.Received)
	}
}

// publish hands f to the other nodes. It does not block.
func (r *Room) publish(f *media.Frame) {
	if l := r.link.Load(); l != nil {
		(*l).Publish(f)
	}
}

// session returns the local session of that number, or nil.
func (r *Room) session(id media.SessionID) *Session {
	for _, s := range *r.sessions.Load() {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (r *Room) warn(what string, with ...any) {
	r.hub.log.Warn(what, append(with, "room", string(r.id))...)
}

// control returns a frame of the server's own.
func control(wire []byte) *media.Frame {
	return &media.Frame{Kind: media.Control, Received: time.Now(), Wire: wire}
}

// reportCongestion tells a sender, wherever it is, that s loses its frames, and s that its
// downlink does not keep up.
func (r *Room) reportCongestion(s *Session, sender media.SessionID) {
	r.hub.counters.Congestions.Add(1)
	s.out.Push(downlinkCongestion())

	f := control(wire.Congestion(uint64(sender), s.peer.User))
	f.From, f.To, f.Datagram = sender, sender, true // it travels on the sender's own subject
	if publisher := r.session(sender); publisher != nil {
		publisher.out.Push(f)
	} else {
		r.publish(f)
	}
}

// downlinkCongestion tells a receiver that it does not keep up.
func downlinkCongestion() *media.Frame {
	f := control(wire.DownlinkCongestion())
	f.Datagram = true
	return f
}

// keyframeInterval is the shortest time between two keyframes that the server asks one
// stream for: all receivers that wait share the answer.
const keyframeInterval = 300 * time.Millisecond

// keyframesAsked is when the streams of one source were last asked for a keyframe, in Unix ns.
type keyframesAsked [pictures][wire.MaxLayer + 1]atomic.Int64

// may reports whether the stream of f can be asked now, and counts that as done.
func (k *keyframesAsked) may(f *media.Frame) bool {
	at := &k[f.Kind-firstPicture][f.Layer]
	last, now := at.Load(), f.Received.UnixNano()
	return now-last >= int64(keyframeInterval) && at.CompareAndSwap(last, now)
}

// askKeyframe asks the publisher of f for a keyframe in the name of s, unless it was asked
// a moment ago.
func (r *Room) askKeyframe(s *Session, f *media.Frame) {
	receiver := s.participant()
	if p := r.session(f.From); p != nil {
		if !p.asked.may(f) {
			return
		}
		ask := control(wire.KeyframeRequestFor(receiver, p.peer.User, uint64(p.id), streamOf(f.Kind), f.Layer))
		r.hub.counters.KeyframesAsked.Add(1)
		p.out.Push(ask)
		p.askedForKeyframe(f.Kind)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.remote[f.From]
	if p == nil || !p.asked.may(f) {
		return
	}
	ask := control(wire.KeyframeRequestFor(receiver, p.User, uint64(p.Session), streamOf(f.Kind), f.Layer))
	ask.From = s.id
	r.hub.counters.KeyframesAsked.Add(1)
	r.publish(ask)
}

// routeKeyframeRequest brings a request to the publisher it names and to nobody else.
func (r *Room) routeKeyframeRequest(f *media.Frame, info *wire.Info) {
	for _, s := range *r.sessions.Load() {
		if s.id != f.From && s.peer.User == string(info.Target) && !s.peer.Observer &&
			(info.TargetSession == 0 || info.TargetSession == uint64(s.id)) {
			r.deliver(s, f)
			if kind := kindOfStream(info.Stream); kind.IsPicture() {
				s.askedForKeyframe(kind)
			}
		}
	}
}

func (s *Session) participant() wire.Participant {
	return wire.Participant{Session: uint64(s.id), User: s.peer.User, DisplayName: s.peer.DisplayName, Guest: s.peer.Guest}
}

// add and remove replace the snapshot; r.mu is held.
func (r *Room) add(s *Session) {
	r.regate(s)
	next := append(slices.Clone(*r.sessions.Load()), s)
	r.sessions.Store(&next)
}

func (r *Room) remove(s *Session) {
	next := slices.DeleteFunc(slices.Clone(*r.sessions.Load()), func(o *Session) bool { return o == s })
	r.sessions.Store(&next)
}

// launch opens the link, and has the agenda worked off until it is closed. Then it leaves the relay and
// calls over.
func (r *Room) launch(ctx context.Context, over func()) {
	r.agenda.start = func() {
		r.hub.work.Go(func() {
			if !r.agenda.work(ctx) {
				return
			}
			if l := r.link.Load(); l != nil {
				(*l).Close()
			}
			close(r.closed)
			over()
		})
	}
	r.agenda.add(func(ctx context.Context) {
		r.open(ctx)
		close(r.opened)
	})
}

// relayRetry is the pause between attempts to reach the relay.
const relayRetry = time.Second

// openTimeout bounds how long joining waits for the relay; without it the room is local.
const openTimeout = 2 * time.Second

func (r *Room) open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	r.mu.Lock()
	r.catching = true
	r.mu.Unlock()
	l, err := r.hub.relay.Open(ctx, r.id, r)
	if err != nil {
		r.warn("relay out of reach, the room is local", "err", err)
		time.AfterFunc(relayRetry, func() { r.agenda.add(r.open) })
		return
	}
	r.link.Store(&l)
	r.mu.Lock()
	members := make([]media.Member, 0, len(r.local))
	for _, p := range r.local {
		members = append(members, p.Member)
	}
	r.catchUp()
	r.mu.Unlock()
	for _, m := range members {
		r.tell(ctx, m)
	}
	r.audit(ctx)
}

const (
	// relayTimeout bounds one exchange with the relay about a member or an event.
	relayTimeout = 2 * time.Second
	// relayRest is how long after one that failed the next ones are cut short, so that what a
	// room has to do does not pile up. The relay does later what it could not do at once.
	relayRest    = 5 * time.Second
	restingShort = 50 * time.Millisecond
)

// patience returns how long the relay may take now.
func (r *Room) patience() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.relayFailed) < relayRest {
		return restingShort
	}
	return relayTimeout
}

// failed notes that the relay did not answer; r.mu is held. It is said once a rest for the whole
// node: in a storm it happens to hundreds, and what could not be told is told later.
func (r *Room) failed(what string, with ...any) {
	now := time.Now()
	if now.Sub(r.relayFailed) >= relayRest {
		r.relayFailed = now
	}
	h := r.hub
	last := h.relayWarned.Load()
	if now.UnixNano()-last < int64(relayRest) || !h.relayWarned.CompareAndSwap(last, now.UnixNano()) {
		h.relayQuiet.Add(1)
		return
	}
	r.warn(what, append(with, "unsaid", h.relayQuiet.Swap(0))...)
}

// tell announces a local member to the other nodes.
func (r *Room) tell(ctx context.Context, m media.Member) {
	l := r.link.Load()
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	if err := (*l).Announce(ctx, m); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if fault.CodeOf(err) == fault.Conflict { // it answered: the member is elsewhere by now
			r.warn("member not announced", "session", m.Session, "err", err)
			return
		}
		r.failed("announce member", "session", m.Session, "err", err)
	}
}

// untell withdraws the entry of m and reports whether somebody else had already done so.
func (r *Room) untell(ctx context.Context, m media.Member) (lost bool) {
	l := r.link.Load()
	if l == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	won, err := (*l).Withdraw(ctx, m)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed("withdraw member", "session", m.Session, "err", err)
		return false
	}
	return !won
}
