package natsrelay

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/fault"
	"parley/api/histogram"
	"parley/api/media"
	"parley/api/wire"
)

var (
	_ media.Relay = (*Relay)(nil)
	_ media.Link  = (*link)(nil)
)

const (
	// inboxMessages and inboxBytes bound what waits for the sink of one room, but for its events.
	inboxMessages = 1 << 16
	inboxBytes    = 64 << 20

	// toldMessages bounds the events of all rooms that wait. A room that misses some reads its log.
	toldMessages = 1 << 14

	// greeting bounds the wait for the other nodes when a room is opened.
	greeting = time.Second
)

// link is the part of this node in one room.
type link struct {
	relay  *Relay
	room   media.RoomID
	prefix string // of the room's subjects
	system string // the subject of its events

	sampler histogram.Sampler // of receive

	alone atomic.Bool // no other node takes part

	// Guarded by relay.mu.
	live    bool      // gets news of members
	company time.Time // when others were last heard of, or may have come
	asked   time.Time // when others were last asked for

	mu     sync.Mutex
	closed bool
	sink   media.Sink
	subs   []*nats.Subscription
	log    roomLog
}

var errNoRoom = fault.New(fault.BadRequest, "a room is named by 1 to 255 letters, digits, _ and -")

// Open takes part in room. A room is open once per relay: a second Open before the first
// link is closed fails with code Conflict. While NATS is out of reach Open fails at once with
// code Unavailable. Links that are open outlive an outage.
func (r *Relay) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	if !token(string(room), maxRoom) {
		return nil, errNoRoom
	}
	if !r.nc.IsConnected() {
		return nil, unavailable(nats.ErrDisconnected)
	}
	prefix := "room." + string(room) + "."
	l := &link{relay: r, room: room, sink: sink, prefix: prefix, system: prefix + systemToken, log: newRoomLog(), company: time.Now()}
	if err := r.register(l); err != nil {
		return nil, err
	}
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, unavailable(err)
	}
	return l, nil
}

// register makes l the link of its room.
func (r *Relay) register(l *link) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fault.New(fault.GoingAway, "the node shuts down")
	}
	if r.links[l.room] != nil {
		return fault.New(fault.Conflict, "the room is open already")
	}
	r.links[l.room] = l
	return nil
}

func (l *link) open(ctx context.Context) error {
	r := l.relay
	packets, err := r.nc.Subscribe(l.prefix+"*", l.receive)
	if err != nil {
		return err
	}
	if err := l.own(packets); err != nil {
		return err
	}
	if err := packets.SetPendingLimits(inboxMessages, inboxBytes); err != nil {
		return err
	}
	told, err := r.nc.ChanSubscribe(toldPrefix+string(l.room), r.told)
	if err != nil {
		return err
	}
	if err := l.own(told); err != nil {
		return err
	}
	// What comes back through the barrier was sent after the subscriptions, so the server
	// knows them by then. The other servers of a cluster know them when their nodes answer.
	if err := r.greet(ctx, l.room); err != nil {
		return err
	}
	// Who comes is announced before it is logged, and who goes withdrawn, so presence is read
	// later: everybody of the log is there, but those who are gone by now.
	subject := EventPrefix + string(l.room)
	past, err := r.readLogs(ctx, []string{subject})
	if err != nil {
		return err
	}
	if err := r.barrier(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	members := r.mirror.others(l.room)
	l.live = true
	l.mu.Lock() // before the news that follow the snapshot
	r.mu.Unlock()
	for _, e := range past[subject] {
		l.told(e)
	}
	for _, m := range members {
		l.sink.Entered(m)
	}
	l.log.open, l.log.behind = true, true
	l.mu.Unlock()
	if l.catchUp(past[subject]) {
		wake(r.lagging)
	}
	return nil
}

// own keeps a subscription for Close, which may have come first.
func (l *link) own(sub *nats.Subscription) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = sub.Unsubscribe()
		return fault.New(fault.GoingAway, "the node shuts down")
	}
	l.subs = append(l.subs, sub)
	return nil
}

// greet tells every other node that room is open here, and waits until they have answered, but not long
// for the dead.
func (r *Relay) greet(ctx context.Context, room media.RoomID) error {
	r.mu.Lock()
	synced := r.mirror.synced
	r.mu.Unlock()
	select {
	case <-synced:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.mu.Lock()
	missing := make(map[media.NodeID]bool)
	for id, n := range r.mirror.nodes {
		if n.lease != 0 && n.lease != n.silent && id != r.node {
			missing[id] = true
		}
	}
	r.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	inbox := r.nc.NewInbox()
	sub, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := r.nc.PublishRequest(helloSubject, inbox, []byte(room)); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, r.greeting)
	defer cancel()
	for len(missing) > 0 {
		m, err := sub.NextMsgWithContext(bounded)
		if err != nil {
			r.silent(missing)
			return ctx.Err() // nil when only the greeting took too long
		}
		delete(missing, media.NodeID(m.Data))
	}
	return nil
}

// silent notes who did not answer: until they renew their lease nobody waits for them again.
func (r *Relay) silent(nodes map[media.NodeID]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range nodes {
		if n := r.mirror.nodes[id]; n != nil {
			n.silent = n.lease
		}
	}
}

// receive is called for each packet of the room by the subscription's goroutine.
func (l *link) receive(m *nats.Msg) {
	r := l.relay
	node, when, ours := origin(m.Header)
	if ours && node == r.node || len(m.Data) == 0 {
		return
	}
	from, ok := sender(m.Subject[len(l.prefix):])
	if !ok || len(m.Data) > wire.MaxPacket+wire.StampRoom {
		r.stats.malformed.Add(1)
		return
	}
	if ours && from != 0 {
		age := time.Duration(r.serverTime(time.Now())-when) * time.Millisecond
		if l.sampler.Pick() {
			r.stats.transit.Observe(age)
		}
		if age > r.maxAge {
			r.stats.outdated.Add(1)
			return
		}
	}
	if from == 0 && ours { // it is in the log
		return
	}
	if !ours || l.alone.Load() {
		r.heard(l.room)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	r.stats.delivered.Add(1) // before, so that whoever has it finds it counted
	r.stats.deliveredBytes.Add(uint64(len(m.Data)))
	l.sink.Deliver(media.Delivery{From: from, Foreign: !ours, Wire: m.Data})
}

// sender returns the session that the last token of a subject names, 0 for the system.
func sender(token string) (media.SessionID, bool) {
	if token == systemToken {
		return 0, true
	}
	n, err := strconv.ParseUint(token, 10, 64)
	return media.SessionID(n), err == nil && n != 0
}

// tell calls the sink unless the link is closed.
func (l *link) tell(call func(media.Sink)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		call(l.sink)
	}
}

func (l *link) Publish(f *media.Frame) {
	p := parcel{subject: l.prefix, from: f.From, wire: f.Wire, ages: f.Received}
	if p.ages.IsZero() {
		p.ages = time.Now()
	}
	p.lossy = f.Kind != media.Control
	if p.lossy && l.keeps() {
		l.relay.stats.kept.Add(1)
		return
	}
	p.waits = f.Kind == media.Audio || f.Kind.IsPicture()
	if f.Kind == media.Data {
		p.ages = p.ages.Add(max(dataMaxAge-l.relay.maxAge, 0))
	}
	if n := l.relay.outbox.push(p); n > 0 {
		l.relay.stats.dropped.Add(uint64(n))
	}
}

func (l *link) Flush(ctx context.Context) error {
	passed := make(chan struct{})
	if l.relay.outbox.push(parcel{passed: passed}) > 0 {
		return fault.New(fault.GoingAway, "the node shuts down")
	}
	select {
	case <-passed:
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
	if _, err := l.relay.js.Publish(ctx, flushSubject, nil); err != nil {
		return unavailable(err)
	}
	return nil
}

// Announce stores the entry of a member. When it fails with code Unavailable the entry is
// stored as soon as NATS is back, unless the member is withdrawn before; with code Conflict,
// another node withdrew the member, of which the sink is told.
func (l *link) Announce(ctx context.Context, m media.Member) error {
	m.Room, m.Node = l.room, l.relay.node
	return l.relay.announce(ctx, m)
}

// Withdraw removes the entry of a session. When it fails for an entry of this node, the
// entry is removed as soon as NATS is back.
func (l *link) Withdraw(ctx context.Context, m media.Member) (bool, error) {
	m.Room = l.room
	if m.Node == "" || m.Node == l.relay.node {
		return l.relay.withdrawOwn(ctx, m)
	}
	return l.relay.withdrawOther(ctx, m)
}

// Close ends the part of this node. It must not be called from within a call of the sink.
func (l *link) Close() {
	r := l.relay
	r.mu.Lock()
	if r.links[l.room] == l {
		delete(r.links, l.room)
	}
	l.live = false
	r.mu.Unlock()

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	close(l.log.moved) // for those who wait for news
	for _, sub := range l.subs {
		if n, err := sub.Dropped(); err == nil {
			r.stats.missed.Add(uint64(n))
		}
		_ = sub.Unsubscribe() // fails when the connection is closed: then it is gone, too
	}
}
