package natsrelay

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/media"
)

// operation is what happened to a key.
type operation uint8

const (
	put operation = iota
	withdrawn
	evicted
)

// The values of the header that marks a removed key, as key-value buckets have it.
const (
	operationHeader = "KV-Operation"
	withdrawnMark   = "DEL"
	evictedMark     = "PURGE"
)

// change is one message of the bucket.
type change struct {
	key     string
	op      operation
	value   []byte
	rev     uint64
	created time.Time // on the server's clock
}

// mirror is what this node knows of the bucket. Relay.mu guards it; only the goroutine of
// Relay.follow changes it, with the exception of own entries.
type mirror struct {
	rooms map[media.RoomID]map[string]*entry // entries of other nodes by key
	nodes map[media.NodeID]*peer             // this node included
	own   map[string]*own                    // what the bucket should hold of this node
	epoch string                             // changes when the bucket lost its data

	seen       uint64        // revision of the last change
	generation int           // counts how often the bucket was read anew
	synced     chan struct{} // closed while changes arrive
	waiting    []waiter

	doubted bool // others may have taken this node for dead; until its lease is renewed

	owed      uint64    // revision of our lease that has not arrived yet, if above seen
	owedSince time.Time // when it was stored
}

// entry is a member on another node.
type entry struct {
	member media.Member
	value  string
	rev    uint64 // 0: the bucket lost it, its node has not said yet whether it is still there
}

// peer is a node.
type peer struct {
	lease    uint64    // revision; 0 without lease
	seen     time.Time // last sign of life, or when we began to wait for one
	lost     bool      // reported as gone
	evicting bool      // its lease is being removed by us
	silent   uint64    // the lease during which it did not answer
	entries  int

	back context.CancelFunc // ends what was begun because it was gone; nil when there is nothing
}

// waiter waits for a revision.
type waiter struct {
	rev     uint64
	reached chan struct{} // closed when it arrived, or will never
}

func newMirror() mirror {
	return mirror{
		rooms:  make(map[media.RoomID]map[string]*entry),
		nodes:  make(map[media.NodeID]*peer),
		own:    make(map[string]*own),
		synced: make(chan struct{}),
	}
}

func memberKey(room media.RoomID, node media.NodeID, session media.SessionID) string {
	return string(room) + "." + string(node) + "." + strconv.FormatUint(uint64(session), 10)
}

func leaseKey(node media.NodeID) string { return "lease." + string(node) }

const epochKey = "epoch"

// others returns the members of a room on other nodes.
func (m *mirror) others(room media.RoomID) []media.Member {
	members := make([]media.Member, 0, len(m.rooms[room]))
	for _, e := range m.rooms[room] {
		members = append(members, e.member)
	}
	slices.SortFunc(members, func(a, b media.Member) int { return a.Joined.Compare(b.Joined) })
	return members
}

// peer returns the record of a node, a new one if need be.
func (m *mirror) peer(id media.NodeID, now time.Time) *peer {
	p := m.nodes[id]
	if p == nil {
		p = &peer{seen: now}
		m.nodes[id] = p
	}
	return p
}

// news is what follows from changes: calls to make without the lock.
type news struct {
	calls   []func()
	lost    []media.NodeID // died
	left    []media.NodeID // said goodbye
	mend    bool
	revived bool
}

// tell adds a call to the sink of room, if it is open.
func (r *Relay) tell(n *news, room media.RoomID, call func(media.Sink)) {
	if l := r.links[room]; l != nil && l.live {
		n.calls = append(n.calls, func() { l.tell(call) })
	}
}

// apply takes over one change; r.mu is held.
func (r *Relay) apply(c *change, now time.Time, n *news) {
	m := &r.mirror
	m.seen = c.rev
	switch k := strings.Split(c.key, "."); {
	case len(k) == 1 && c.key == epochKey && c.op == put:
		m.epoch = string(c.value)
	case len(k) == 2:
		r.applyLease(media.NodeID(k[1]), c, now, n)
	case len(k) == 3 && media.NodeID(k[1]) == r.node:
		r.applyOwn(c, n)
	case len(k) == 3:
		r.applyMember(media.RoomID(k[0]), media.NodeID(k[1]), c, now, n)
	}
	m.wake()
}

// wake releases those who wait for what has arrived.
func (m *mirror) wake() {
	m.waiting = slices.DeleteFunc(m.waiting, func(w waiter) bool {
		if w.rev <= m.seen {
			close(w.reached)
		}
		return w.rev <= m.seen
	})
}

func (r *Relay) applyLease(id media.NodeID, c *change, now time.Time, n *news) {
	m := &r.mirror
	p := m.peer(id, now)
	if id == r.node && c.op == put && now.Sub(p.seen) > selfDoubt {
		// We, or the bucket, stood still: nobody could be heard meanwhile.
		m.doubted = true
		for _, p := range m.nodes {
			p.seen = now
		}
	}
	p.seen, p.evicting = now, false
	switch c.op {
	case put:
		if id == r.node && m.doubted && c.rev != p.lease {
			m.doubted, n.revived = false, true
		}
		if p.back != nil {
			p.back()
		}
		p.lease, p.lost = c.rev, false
	case withdrawn:
		if id != r.node && !p.lost {
			n.left = append(n.left, id)
		}
		p.lease, p.lost = 0, true
	case evicted:
		p.lease = 0
		switch {
		case id == r.node:
			m.doubted = true
		case !p.lost:
			p.lost = true
			n.lost = append(n.lost, id)
		}
	}
}

func (r *Relay) applyMember(room media.RoomID, node media.NodeID, c *change, now time.Time, n *news) {
	m := &r.mirror
	e := m.rooms[room][c.key]
	if c.op != put {
		if e != nil {
			r.forget(room, c.key, c.op == evicted, n)
		}
		return
	}
	if e != nil && e.value == string(c.value) { // announced again after an outage
		e.rev = c.rev
		return
	}
	var member media.Member
	if json.Unmarshal(c.value, &member) != nil || memberKey(room, node, member.Session) != c.key {
		r.stats.malformed.Add(1)
		return
	}
	member.Room, member.Node = room, node
	if e == nil {
		m.peer(node, now).entries++
		if m.rooms[room] == nil {
			m.rooms[room] = make(map[string]*entry)
		}
		e = new(entry)
		m.rooms[room][c.key] = e
	}
	*e = entry{member: member, value: string(c.value), rev: c.rev}
	if l := r.links[room]; l != nil {
		l.inCompany(now)
	}
	r.tell(n, room, func(s media.Sink) { s.Entered(member) })
}

// forget removes a member on another node; lost says that this may be gone as well. r.mu is
// held.
func (r *Relay) forget(room media.RoomID, key string, lost bool, n *news) {
	m := &r.mirror
	member := m.rooms[room][key].member
	member.Lost = lost
	delete(m.rooms[room], key)
	if len(m.rooms[room]) == 0 {
		delete(m.rooms, room)
	}
	if p := m.nodes[member.Node]; p != nil {
		p.entries--
	}
	r.tell(n, room, func(s media.Sink) { s.Left(member) })
}

// applyOwn notices what happened to an entry of this node; r.mu is held.
func (r *Relay) applyOwn(c *change, n *news) {
	m := &r.mirror
	o := m.own[c.key]
	switch {
	case o == nil || c.rev < o.rev: // nobody wants it, or overtaken by what we stored since
	case c.op == put:
		o.rev = c.rev
	case c.op == evicted:
		o.rev = c.rev
		if !o.unwanted {
			o.stale, n.mend, m.doubted = true, true, true
		}
	case c.op == withdrawn:
		delete(m.own, c.key)
		if member := o.member; !o.unwanted {
			r.tell(n, member.Room, func(s media.Sink) { s.Left(member) })
		}
	}
}

// reconcile takes over the whole bucket as it is now; r.mu is held.
func (r *Relay) reconcile(snapshot []change, now time.Time, n *news) {
	m := &r.mirror
	there := make(map[string]*change, len(snapshot))
	for i := range snapshot {
		there[snapshot[i].key] = &snapshot[i]
	}
	epoch := ""
	if c := there[epochKey]; c != nil {
		epoch = string(c.value)
	}
	lost := m.epoch != "" && m.epoch != epoch
	m.epoch, m.seen, m.owed = epoch, 0, 0
	if self := m.nodes[r.node]; self != nil && (lost || now.Sub(self.seen) > selfDoubt) {
		m.doubted = true
	}

	for room, entries := range m.rooms {
		for key, e := range entries {
			switch {
			case lost:
				e.rev = 0
			case there[key] == nil:
				r.forget(room, key, true, n)
			}
		}
	}
	for id, p := range m.nodes {
		p.seen, p.evicting = now, false
		if there[leaseKey(id)] == nil {
			p.lease = 0
		}
	}
	for key, o := range m.own {
		if c := there[key]; c == nil || lost || c.op == put && string(c.value) != string(o.value) {
			o.rev, o.stale = 0, true
		}
		n.mend = n.mend || o.stale
	}
	for i := range snapshot {
		c := &snapshot[i]
		if c.op == put && r.leftover(c.key) {
			m.own[c.key] = &own{turn: make(chan struct{}, 1), rev: c.rev, unwanted: true, stale: true}
			n.mend = true
		}
		r.apply(c, now, n)
	}

	m.generation++
	for _, w := range m.waiting {
		close(w.reached)
	}
	m.waiting = nil
	close(m.synced)
}

// leftover reports whether key is an entry of this node that should not be there.
func (r *Relay) leftover(key string) bool {
	k := strings.Split(key, ".")
	return len(k) == 3 && k[1] == string(r.node) && r.mirror.own[key] == nil
}

// unsync notes that changes stopped arriving.
func (r *Relay) unsync() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.mirror.synced:
		r.mirror.synced = make(chan struct{})
	default:
	}
}
