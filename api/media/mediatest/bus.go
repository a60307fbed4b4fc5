package mediatest

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/api/fault"
	"parley/api/media"
)

var (
	_ media.Relay = (*Local)(nil)
	_ media.Link  = (*localLink)(nil)
)

const (
	// localBacklog is how many calls may wait for one sink before media is dropped.
	localBacklog = 1 << 14
	// localMaxAge is how old a packet may be to be delivered.
	localMaxAge = 2 * time.Second
	// localEvents is how many events of a room the bus keeps.
	localEvents = 256
)

// Bus connects nodes of one process. It is what JetStream is for a cluster.
type Bus struct {
	mu      sync.Mutex
	links   map[media.RoomID]map[media.NodeID]*localLink
	members map[media.RoomID]map[memberID]media.Member
	logs    map[media.RoomID][]media.Event
}

// memberID is what an entry is known by: while a session moves, two nodes have one.
type memberID struct {
	node    media.NodeID
	session media.SessionID
}

// NewBus returns a bus without nodes.
func NewBus() *Bus {
	return &Bus{
		links:   make(map[media.RoomID]map[media.NodeID]*localLink),
		members: make(map[media.RoomID]map[memberID]media.Member),
		logs:    make(map[media.RoomID][]media.Event),
	}
}

// Node returns the relay of one node on the bus.
func (b *Bus) Node(id media.NodeID) *Local { return &Local{bus: b, node: id} }

// NewLocal returns the relay of a node that has no others.
func NewLocal(id media.NodeID) *Local { return NewBus().Node(id) }

// Local is a relay that stays in this process.
type Local struct {
	bus  *Bus
	node media.NodeID
}

// localLink hands calls to its sink in a goroutine of its own: a sink may publish while
// another one does, and neither must wait for the other.
type localLink struct {
	bus  *Bus
	node media.NodeID
	room media.RoomID
	sink media.Sink
	done chan struct{} // closed when the sink is not called any more

	mu     sync.Mutex
	filled sync.Cond
	calls  []func(media.Sink)
	closed bool
}

// Open takes part in room. A room is open once per node: a second Open before the first link
// is closed fails with code Conflict.
func (l *Local) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	k := &localLink{bus: l.bus, node: l.node, room: room, sink: sink, done: make(chan struct{})}
	k.filled.L = &k.mu
	if err := l.bus.join(k); err != nil {
		return nil, err
	}
	go k.run() // Close waits for it
	if err := k.barrier(ctx); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// join adds k to its room, with the members on other nodes as its first calls.
func (b *Bus) join(k *localLink) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.links[k.room][k.node] != nil {
		return fault.New(fault.Conflict, "the room is open already")
	}
	if b.links[k.room] == nil {
		b.links[k.room] = make(map[media.NodeID]*localLink)
	}
	b.links[k.room][k.node] = k
	for id, m := range b.members[k.room] {
		if id.node != k.node {
			k.push(func(s media.Sink) { s.Entered(m) })
		}
	}
	for _, e := range b.logs[k.room] {
		e.Past = true
		k.push(func(s media.Sink) { s.Told(e) })
	}
	return nil
}

// tell calls the sinks of a room on all nodes but one; b.mu is held.
func (b *Bus) tell(room media.RoomID, except media.NodeID, call func(media.Sink)) {
	for node, k := range b.links[room] {
		if node != except {
			k.push(call)
		}
	}
}

func (k *localLink) run() {
	defer close(k.done)
	for {
		k.mu.Lock()
		for len(k.calls) == 0 && !k.closed {
			k.filled.Wait()
		}
		if k.closed {
			k.mu.Unlock()
			return
		}
		call := k.calls[0]
		k.calls = k.calls[1:]
		k.mu.Unlock()
		call(k.sink)
	}
}

func (k *localLink) push(call func(media.Sink)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, call)
	k.filled.Signal()
}

// full reports whether the sink is too far behind to get media.
func (k *localLink) full() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.calls) >= localBacklog
}

func (k *localLink) Publish(f *media.Frame) {
	d := media.Delivery{From: f.From, Wire: f.Wire}
	lossy := f.From != 0 && (f.Kind == media.Audio || f.Kind == media.Screen || f.Kind == media.Video)
	if lossy && !f.Received.IsZero() && time.Since(f.Received) > localMaxAge {
		return
	}
	k.bus.mu.Lock()
	defer k.bus.mu.Unlock()
	for node, other := range k.bus.links[k.room] {
		if node != k.node && !(lossy && other.full()) {
			other.push(func(s media.Sink) { s.Deliver(d) })
		}
	}
}

// Append adds e to the log of room.
func (l *Local) Append(_ context.Context, room media.RoomID, e media.Event) error {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(room, e)
	return nil
}

// localEpoch names the logs of a bus: they are lost with it.
const localEpoch = "local"

// append adds e to the log of a room and tells everybody; b.mu is held.
func (b *Bus) append(room media.RoomID, e media.Event) {
	events := b.logs[room]
	if slices.ContainsFunc(events, func(o media.Event) bool { return o.ID == e.ID }) {
		return
	}
	e.Position = media.Position{Epoch: localEpoch, Number: 1}
	if n := len(events); n > 0 {
		e.Number = events[n-1].Number + 1
	}
	if len(events) == localEvents {
		events = slices.Delete(events, 0, 1)
	}
	b.logs[room] = append(events, e)
	b.tell(room, "", func(s media.Sink) { s.Told(e) })
}

func (k *localLink) Append(ctx context.Context, e media.Event, wanted func() bool) error {
	for {
		k.bus.mu.Lock()
		before := k.bus.last(k.room)
		k.bus.mu.Unlock()
		if err := k.barrier(ctx); err != nil {
			return err
		}
		if wanted != nil && !wanted() {
			return nil
		}
		k.bus.mu.Lock()
		if k.bus.last(k.room) == before {
			k.bus.append(k.room, e)
			k.bus.mu.Unlock()
			return k.barrier(ctx)
		}
		k.bus.mu.Unlock()
	}
}

// Forget removes all events but the last.
func (k *localLink) Forget(context.Context) error {
	b := k.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if events := b.logs[k.room]; len(events) > 0 {
		b.logs[k.room] = slices.Clone(events[len(events)-1:])
	}
	return nil
}

// last returns the number of the last event of a room; b.mu is held.
func (b *Bus) last(room media.RoomID) uint64 {
	if events := b.logs[room]; len(events) > 0 {
		return events[len(events)-1].Number
	}
	return 0
}

// barrier returns when the sink was told all that waits for it.
func (k *localLink) barrier(ctx context.Context) error {
	told := make(chan struct{})
	k.push(func(media.Sink) { close(told) })
	select {
	case <-told:
		return nil
	case <-k.done:
		return fault.New(fault.GoingAway, "the room was closed")
	case <-ctx.Done():
		return fault.Wrap(context.Cause(ctx), fault.Unavailable, "the room did not answer in time")
	}
}

// Flush returns at once: what was published waits at the other nodes already.
func (k *localLink) Flush(context.Context) error { return nil }

func (k *localLink) Announce(_ context.Context, m media.Member) error {
	m.Node, m.Room = k.node, k.room
	b := k.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	id := memberID{m.Node, m.Session}
	if old, ok := b.members[k.room][id]; ok && old == m {
		return nil
	}
	if b.members[k.room] == nil {
		b.members[k.room] = make(map[memberID]media.Member)
	}
	b.members[k.room][id] = m
	b.tell(k.room, k.node, func(s media.Sink) { s.Entered(m) })
	return nil
}

func (k *localLink) Withdraw(_ context.Context, m media.Member) (bool, error) {
	if m.Node == "" {
		m.Node = k.node
	}
	b := k.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	id := memberID{m.Node, m.Session}
	m, ok := b.members[k.room][id]
	if !ok {
		return false, nil
	}
	delete(b.members[k.room], id)
	if len(b.members[k.room]) == 0 {
		delete(b.members, k.room)
	}
	except := media.NodeID("") // nobody: the owner of somebody else's entry is told, too
	if m.Node == k.node {
		except = k.node
	}
	b.tell(k.room, except, func(s media.Sink) { s.Left(m) })
	return true, nil
}

// Close must not be called from within a call of the sink.
func (k *localLink) Close() {
	b := k.bus
	b.mu.Lock()
	if b.links[k.room][k.node] == k {
		delete(b.links[k.room], k.node)
		if len(b.links[k.room]) == 0 {
			delete(b.links, k.room)
		}
	}
	b.mu.Unlock()
	k.mu.Lock()
	k.closed = true
	k.filled.Signal()
	k.mu.Unlock()
	<-k.done
}

// Close removes the members of this node, as if it had died: the others are told.
func (l *Local) Close() {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	for room, members := range b.members {
		for id, m := range members {
			if id.node == l.node {
				delete(members, id)
				m.Lost = true
				b.tell(room, l.node, func(s media.Sink) { s.Left(m) })
			}
		}
	}
}
