package natsrelay

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/media"
)

// Most rooms are on one node, and nobody else on NATS has a use for their packets: to carry them there
// would cost a third of what the whole room costs. So a node that has heard of nobody else in a room for
// a while asks who else has it open, and keeps the media to itself when nobody answers. It hears of
// whoever comes before they may expect anything: to open a room is to tell every node and to wait until it
// has heard (see Relay.greet). In doubt packets are published.

const (
	// aloneAfter is how long nothing is heard of others before they are asked for, and answerWithin
	// how long they have to answer.
	aloneAfter   = 3 * time.Second
	answerWithin = time.Second

	// settleEvery is how often that is looked at.
	settleEvery = time.Second

	// openSubject is where it is asked who else has a room open.
	openSubject = "parley.open"
)

// keepCompany finds out in which rooms this node is alone, until ctx ends.
func (r *Relay) keepCompany(ctx context.Context) {
	tick := time.NewTicker(r.settling)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		r.settle(time.Now())
	}
}

// settle decides in which rooms this node is alone, and asks for others where it may be.
func (r *Relay) settle(now time.Time) {
	for _, room := range r.doubtful(now) {
		_ = r.nc.PublishRequest(openSubject, r.answers, []byte(room)) // without a connection nobody counts as alone
	}
}

// doubtful notes where nobody answered, and returns the rooms that others have to be asked for in.
func (r *Relay) doubtful(now time.Time) (ask []media.RoomID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &r.mirror
	sure := r.nc.IsConnected() && !m.doubted && m.generation == r.settled
	select {
	case <-m.synced:
	default:
		sure = false
	}
	r.settled = m.generation
	for room, l := range r.links {
		switch {
		case !sure || len(m.rooms[room]) > 0:
			l.inCompany(now)
		case l.alone.Load() || now.Sub(l.company) < aloneAfter:
		case !l.asked.After(l.company):
			l.asked = now
			ask = append(ask, room)
		case now.Sub(l.asked) >= answerWithin:
			l.alone.Store(true)
		}
	}
	return ask
}

// inCompany notes that others take part, or may do so; relay.mu is held.
func (l *link) inCompany(now time.Time) {
	l.company = now
	l.alone.Store(false)
}

// heard notes that others take part in a room, and reports whether it is open here.
func (r *Relay) heard(room media.RoomID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.links[room]
	if l != nil {
		l.inCompany(time.Now())
	}
	return l != nil
}

// hearHello answers a node that opens a room, or asks for nothing else than who is there.
func (r *Relay) hearHello(m *nats.Msg) {
	r.heard(media.RoomID(m.Data))
	_ = m.Respond([]byte(r.node))
}

// hearOpen answers a node that asks who else has a room open.
func (r *Relay) hearOpen(m *nats.Msg) {
	if r.heard(media.RoomID(m.Data)) {
		_ = m.Respond(m.Data)
	}
}

// hearAnswer is told by others which room they have open.
func (r *Relay) hearAnswer(m *nats.Msg) { r.heard(media.RoomID(m.Data)) }

// keeps reports whether nobody else has a use for media of this room.
func (l *link) keeps() bool { return l.alone.Load() && !l.relay.always(l.room) }
