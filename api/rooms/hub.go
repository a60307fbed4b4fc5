package rooms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/media"
)

// Options configure a Hub. Node, Relay, Ledger, Reporter and Log are required.
type Options struct {
	Node     media.NodeID
	Relay    media.Relay
	Ledger   media.Ledger
	Reporter media.Reporter
	Log      *slog.Logger

	// Queue bounds what waits for one session; the zero value means DefaultQueueLimits.
	Queue QueueLimits
	// Stock bounds what all queues hold together, in bytes; 0 means DefaultStock.
	Stock int64
	// Grace is how long a lost session may come back unnoticed; 0 means DefaultGrace.
	Grace time.Duration
	// Rules says what an operator decided about a room; it is asked when the room opens and by
	// [Hub.Refresh], and does not block. Nil means no rules.
	Rules func(media.RoomID) Rules
	// Joined is told once for every call of Serve that the session takes part from now on, or
	// why it does not. It does not block. May be nil.
	Joined func(ctx context.Context, over media.Transport, refused error)
	// Watcher is told of what begins in rooms. May be nil.
	Watcher media.Watcher
	// Busy reports whether the node has more to do than it can. It is asked with every packet and
	// does not block. Nil means never.
	Busy func() bool
	// PictureWindow is how long pictures that come right after others may wait for what else goes to the same
	// session; 0 is not at all.
	PictureWindow time.Duration
	// SoundWindow is the same for sound; pictures that come right after sound then wait as well. More than
	// PictureWindow counts as that.
	SoundWindow time.Duration
	// StatsInterval is the time between two reports of traffic; 0 means DefaultStatsInterval.
	StatsInterval time.Duration
}

// Defaults of the shared contract.
const (
	DefaultGrace         = 2 * time.Second
	DefaultStatsInterval = 5 * time.Second
)

// Hub holds the rooms and sessions of this node.
type Hub struct {
	node        media.NodeID
	relay       media.Relay
	ledger      media.Ledger
	reporter    media.Reporter
	log         *slog.Logger
	limits      QueueLimits
	stock       stock
	grace       time.Duration
	rules       func(media.RoomID) Rules
	interval    time.Duration
	joined      func(context.Context, media.Transport, error)
	watcher     media.Watcher
	busy        func() bool
	counters    Counters
	timings     Timings
	hurry       atomic.Bool   // no grace periods any more
	relayWarned atomic.Int64  // Unix ns; when it was last said that the relay does not answer
	relayQuiet  atomic.Uint64 // how often it was not, since
	windows     lengths
	couriers    []*courier     // guarded by mu
	work        sync.WaitGroup // rooms, and what they record in the ledger

	mu       sync.Mutex
	rooms    map[media.RoomID]*Room
	sessions map[*Session]struct{}
	past     Count // of rooms that closed
	draining bool
	idle     chan struct{} // closed when draining and the last room is gone
}

// NewHub returns a hub without rooms. Run must be called for traffic reports.
func NewHub(o Options) *Hub {
	h := &Hub{
		node: o.Node, relay: o.Relay, ledger: o.Ledger, reporter: o.Reporter, log: o.Log,
		limits: o.Queue, grace: o.Grace, rules: o.Rules, interval: o.StatsInterval, joined: o.Joined, watcher: o.Watcher, busy: o.Busy,
		rooms:    make(map[media.RoomID]*Room),
		sessions: make(map[*Session]struct{}),
		idle:     make(chan struct{}),
		windows:  lengths{forSound: min(o.SoundWindow, o.PictureWindow), forPictures: o.PictureWindow},
	}
	if h.limits == (QueueLimits{}) {
		h.limits = DefaultQueueLimits()
	}
	h.stock.most = cmp.Or(o.Stock, DefaultStock)
	h.stock.spare.Store(h.stock.most)
	if h.rules == nil {
		h.rules = func(media.RoomID) Rules { return Rules{} }
	}
	if h.joined == nil {
		h.joined = func(context.Context, media.Transport, error) {}
	}
	if h.busy == nil {
		h.busy = func() bool { return false }
	}
	if h.watcher == nil {
		h.watcher = unwatched{}
	}
	if h.grace == 0 {
		h.grace = DefaultGrace
	}
	if h.interval == 0 {
		h.interval = DefaultStatsInterval
	}
	return h
}

// errDraining refuses and ends sessions of a node that shuts down.
var errDraining = &fault.Error{
	Code: fault.GoingAway, Message: "this node is shutting down", Hint: "connect again", Retry: time.Second,
}

// newSessionID returns a random number that is not 0.
func newSessionID() media.SessionID {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // it does not fail
		if id := binary.LittleEndian.Uint64(b[:]); id != 0 {
			return media.SessionID(id)
		}
	}
}

// enter finds or opens the room of s and waits until it is connected to the other nodes.
func (h *Hub) enter(ctx context.Context, s *Session) (*Room, error) {
	for {
		r, closing, err := h.register(ctx, s)
		if err != nil {
			return nil, err
		}
		wait := r.opened
		if closing {
			wait = r.closed
		}
		select {
		case <-wait:
		case <-ctx.Done():
			if !closing {
				h.leave(s)
			}
			return nil, context.Cause(ctx)
		}
		if !closing {
			return r, nil
		}
	}
}

// register adds s to its room, or returns a room of that name that is closing.
func (h *Hub) register(ctx context.Context, s *Session) (r *Room, closing bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, false, errDraining
	}
	id := s.peer.Room
	r = h.rooms[id]
	switch {
	case r == nil:
		r = newRoom(h, id)
		h.rooms[id] = r
		// The room outlives the session that opened it.
		r.launch(context.WithoutCancel(ctx), func() { h.closed(r) })
	case r.refs == 0:
		return r, true, nil
	}
	r.refs++
	s.room = r
	h.sessions[s] = struct{}{}
	return r, false, nil
}

// leave gives up what register took.
func (h *Hub) leave(s *Session) {
	h.mu.Lock()
	delete(h.sessions, s)
	s.addTo(&s.room.past, new([media.KindCount]Waiting))
	h.mu.Unlock()
	h.release(s.room)
}

// retain keeps r open until release.
func (h *Hub) retain(r *Room) {
	h.mu.Lock()
	r.refs++
	h.mu.Unlock()
}

func (h *Hub) release(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.refs--; r.refs == 0 {
		r.agenda.close()
	}
}

// closed takes a room off the list.
func (h *Hub) closed(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.rooms, r.id)
	last := r.begun()
	h.past.add(&last)
	h.signalIdle()
}

// signalIdle is called with h.mu held.
func (h *Hub) signalIdle() {
	if h.draining && len(h.rooms) == 0 {
		select {
		case <-h.idle:
		default:
			close(h.idle)
		}
	}
}

// Run reports the traffic of every session now and then until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(h.interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, s := range h.live() {
				if stats := s.stats(); stats.BytesSent+stats.BytesReceived > 0 {
					h.reporter.Traffic(stats)
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Sessions returns the number of sessions on this node.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Rooms returns the number of rooms this node takes part in.
func (h *Hub) Rooms() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rooms)
}

func (h *Hub) live() []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sessions))
}

// Refuse refuses new sessions from now on.
func (h *Hub) Refuse() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
	h.signalIdle()
}

// Drain refuses new sessions, ends the others and waits until the last room is empty: lost
// sessions stay for the grace period, so that participants can move to other nodes without
// leaving. When ctx ends first, the grace periods end with it, and Drain returns the cause of
// ctx once the departures are told, or after a few seconds in which that was not possible.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	for s := range h.sessions {
		s.end(errDraining)
	}
	h.signalIdle()
	h.mu.Unlock()
	select {
	case <-h.idle:
		h.work.Wait()
		return nil
	case <-ctx.Done():
	}
	h.hurry.Store(true)
	h.mu.Lock()
	rooms := slices.Collect(maps.Values(h.rooms))
	h.mu.Unlock()
	for _, r := range rooms {
		r.expireAll()
	}
	last := time.NewTimer(lastWords)
	defer last.Stop()
	select {
	case <-h.idle:
		h.work.Wait()
	case <-last.C:
	}
	return context.Cause(ctx)
}

// lastWords is how long telling of departures may take when draining is cut short: the
// farewell of connections, the relay and the ledger, each with its own bound.
const lastWords = 5 * time.Second

// Reenter records every session of this node again, after the others have taken the node
// for dead and recorded that its sessions are gone. It blocks while it does. A node that drains
// records nobody again.
func (h *Hub) Reenter(ctx context.Context) {
	for _, s := range h.live() {
		h.mu.Lock()
		draining := h.draining
		h.mu.Unlock()
		if draining || ctx.Err() != nil {
			return
		}
		if gone, _ := s.whereabouts(); gone || s.peer.Observer {
			continue
		}
		if _, err := h.ledger.Enter(ctx, s.member()); err != nil {
			h.log.Warn("record a session again", "session", uint64(s.id), "err", err)
		}
		if gone, departed := s.whereabouts(); gone && departed {
			h.ledger.Exit(ctx, s.member()) // what was recorded after its departure would stay open
		}
	}
}

// whereabouts returns whether s is out of its room, and whether that is for good.
func (s *Session) whereabouts() (gone, departed bool) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.gone, r.local[s.id] == nil
}

// stats returns what reporters are told of s.
func (s *Session) stats() media.SessionStats {
	return media.SessionStats{
		Member:    s.member(),
		BytesSent: s.sent.total(), BytesReceived: s.in.total(),
		Age: time.Since(s.joined), Begun: s.peer.Begun, Observer: s.peer.Observer,
	}
}

// Counters are totals of a hub since it started, beside what [Hub.Census] has. They may be
// read at any time.
type Counters struct {
	Unwanted [media.KindCount]atomic.Uint64 // frames that their receivers did not select

	Thinned            atomic.Uint64 // heartbeats that receivers in a crowd did not need
	Forged             atomic.Uint64 // packets of clients that only the server may send
	Malformed          atomic.Uint64 // packets of clients that no parser, or not every one, can read
	BadHealth          atomic.Uint64 // health packets that do not parse
	KeyframesForwarded atomic.Uint64 // requests of clients that reached the room
	KeyframesLimited   atomic.Uint64 // requests of clients above the limit
	KeyframesAsked     atomic.Uint64 // requests made by the server
	LayersLowered      atomic.Uint64 // times that a receiver which did not keep up got a layer less
	LayerHints         atomic.Uint64 // publishers told which layers are wanted
	Congestions        atomic.Uint64 // senders told that a receiver loses their frames
}

// Counters returns the totals of h.
func (h *Hub) Counters() *Counters { return &h.counters }
