package rooms_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// world is a cluster of nodes in one synctest bubble. Its people know each other's sessions
// by name, so that tests read as a story.
type world struct {
	t      *testing.T
	bus    *mediatest.Bus
	ledger mediatest.Ledger
	wg     sync.WaitGroup

	mu    sync.Mutex
	names map[uint64]string
}

// node is one node of a world.
type node struct {
	*world
	hub      *rooms.Hub
	reporter mediatest.Reporter
}

// person is one connection to a room.
type person struct {
	*mediatest.Peer
	w     *world
	name  string
	id    uint64
	at    media.Position // of the last event
	ended chan error
	end   context.CancelCauseFunc
}

// inWorld runs a story in fake time and ends every session after it.
func inWorld(t *testing.T, story func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, bus: mediatest.NewBus(), names: make(map[uint64]string)}
		t.Cleanup(w.wg.Wait) // after the nodes have drained
		story(w)
	})
}

func (w *world) node(id media.NodeID) *node { return w.nodeOn(id, w.bus.Node(id)) }

// nodeOn is a node with a relay of its own.
func (w *world) nodeOn(id media.NodeID, relay media.Relay) *node {
	return w.nodeOf(rooms.Options{Node: id, Relay: relay})
}

// nodeOf is a node with more of its own.
func (w *world) nodeOf(o rooms.Options) *node {
	n := &node{world: w}
	o.Ledger, o.Reporter = &w.ledger, &n.reporter
	o.Log = slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	n.hub = rooms.NewHub(o)
	w.t.Cleanup(func() {
		if err := n.hub.Drain(context.Background()); err != nil {
			w.t.Errorf("drain: %v", err)
		}
	})
	return n
}

// connect opens a session that stays Testing until it says something. The name is
// "user" or "user/connection".
func (n *node) connect(name string, change ...func(*media.Peer)) *person {
	n.t.Helper()
	user, _, _ := strings.Cut(name, "/")
	peer := media.Peer{Room: "standup", User: user, DisplayName: strings.ToUpper(user[:1]) + user[1:]}
	for _, c := range change {
		c(&peer)
	}
	conn, far := mediatest.Pipe(n.t, media.WebSocket)
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &person{Peer: far, w: n.world, name: name, ended: make(chan error, 1), end: cancel}
	n.wg.Go(func() {
		p.ended <- n.hub.Serve(ctx, conn, &peer)
		cancel(nil)
	})
	synctest.Wait()
	return p
}

// Send sends a packet and waits until everybody has dealt with it.
func (p *person) Send(packet []byte) {
	p.w.t.Helper()
	p.Peer.Send(packet)
	synctest.Wait()
}

// greeted takes what a newcomer is told first, remembers its session and returns the rest.
func (p *person) greeted() []string {
	p.w.t.Helper()
	var first callv1.PacketWrapper
	if err := proto.Unmarshal(p.Receive().Wire, &first); err != nil || first.PacketType != callv1.PacketWrapper_SESSION_ASSIGNED {
		p.w.t.Fatalf("%s: first packet is %v, %v", p.name, &first, err)
	}
	p.id = first.SessionId
	p.w.mu.Lock()
	p.w.names[p.id] = p.name
	p.w.mu.Unlock()
	return p.hears()
}

// join connects, becomes active and forgets what it was told.
func (n *node) join(name string, change ...func(*media.Peer)) *person {
	n.t.Helper()
	p := n.connect(name, change...)
	p.greeted()
	p.Send(mediatest.Heartbeat())
	synctest.Wait()
	p.hears()
	return p
}

// hears returns everything that arrived, in words.
func (p *person) hears() []string {
	p.w.t.Helper()
	synctest.Wait()
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	var said []string
	for _, r := range p.Sync() {
		if p.follows(r.Wire) {
			said = append(said, mediatest.Describe(r.Wire, p.w.names))
		}
	}
	return said
}

// follows checks that the numbers of events are without a gap. It reports whether packet says
// something else than its number.
func (p *person) follows(packet []byte) bool {
	p.w.t.Helper()
	at, caughtUp := mediatest.PositionOf(packet)
	switch {
	case at.Number == 0:
		return true
	case p.at.Epoch != "" && (at.Epoch != p.at.Epoch || at.Number < p.at.Number),
		!caughtUp && at.Number != p.at.Number+1:
		p.w.t.Errorf("%s is told event %v after %v", p.name, at, p.at)
	}
	p.at = at
	return !caughtUp
}

// expect fails the test unless p hears exactly this.
func (p *person) expect(want ...string) {
	p.w.t.Helper()
	if got := p.hears(); strings.Join(got, "; ") != strings.Join(want, "; ") {
		p.w.t.Errorf("%s hears %q, want %q", p.name, got, want)
	}
}

// expectUnordered is expect for what may come in any order: presence and packets take
// different ways between nodes.
func (p *person) expectUnordered(want ...string) {
	p.w.t.Helper()
	got := p.hears()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.w.t.Errorf("%s hears %q, want %q", p.name, got, want)
	}
}

// gone waits for the end of a session and returns the code it ended with.
func (p *person) gone() fault.Code {
	return fault.CodeOf(<-p.ended)
}

// about returns those of heard that begin with a word.
func about(heard []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(heard), func(h string) bool { return !strings.HasPrefix(h, word) })
}

func instance(id string) func(*media.Peer) { return func(p *media.Peer) { p.Instance = id } }
func observer(p *media.Peer)               { p.Observer = true }
func room(id string) func(*media.Peer)     { return func(p *media.Peer) { p.Room = media.RoomID(id) } }
