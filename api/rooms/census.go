package rooms

import (
	"cmp"
	"iter"
	"slices"

	"parley/api/histogram"
	"parley/api/media"
)

// Standing is how far a session is.
type Standing string

// The standings.
const (
	Testing  Standing = "testing" // its client may yet choose another connection
	Active   Standing = "active"
	Observer Standing = "observer" // in the waiting room
)

func (s *Session) standing() Standing {
	switch {
	case s.peer.Observer:
		return Observer
	case s.active.Load():
		return Active
	}
	return Testing
}

// Group is sessions that have these in common.
type Group struct {
	Transport media.Transport
	Standing  Standing
}

// Census is what a hub holds at one moment, and what it counted until then. Its numbers never
// go down from one census to the next, but those of what waits or is connected.
type Census struct {
	Total    Count
	Sessions map[Group]int
	Waiting  [media.KindCount]Waiting // in all queues
	Rooms    []RoomCensus             // in no order
}

// Waiting is what queues hold.
type Waiting struct{ Frames, Bytes int }

// RoomCensus is one room of this node.
type RoomCensus struct {
	Room     media.RoomID
	Sessions int // of this node
	Count    Count
}

// Census asks every session. It takes a microsecond for each, in which nobody can join or
// leave; packets do not wait.
func (h *Hub) Census() Census {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := Census{Total: h.past, Sessions: make(map[Group]int), Rooms: make([]RoomCensus, 0, len(h.rooms))}
	at := make(map[*Room]int, len(h.rooms))
	for _, r := range h.rooms {
		at[r] = len(c.Rooms)
		c.Rooms = append(c.Rooms, RoomCensus{Room: r.id, Count: r.begun()})
	}
	for s := range h.sessions {
		c.Sessions[Group{s.conn.Transport(), s.standing()}]++
		room := &c.Rooms[at[s.room]]
		room.Sessions++
		s.addTo(&room.Count, &c.Waiting)
	}
	for i := range c.Rooms {
		c.Total.add(&c.Rooms[i].Count)
	}
	return c
}

// begun returns what r counted beside its present sessions; hub.mu is held.
func (r *Room) begun() Count {
	c := r.past
	r.remotely.addTo(&c.Remote)
	return c
}

// addTo adds what s passed on and lost, and what waits for it.
func (s *Session) addTo(c *Count, waiting *[media.KindCount]Waiting) {
	s.in.addTo(&c.In)
	s.sent.addTo(&c.Out)
	s.refusals.Load().addTo(&c.Drops)
	s.out.addTo(&c.Drops, waiting)
}

// refuse counts a packet that s may not send. Only its read goroutine calls it.
func (s *Session) refuse(why Cause, kind media.Kind) {
	d := s.refusals.Load()
	if d == nil {
		d = new(drops)
		s.refusals.Store(d)
	}
	d[why][kind].Add(1)
}

// SessionCensus is one session of this node.
type SessionCensus struct {
	media.Member
	Standing Standing
	Count    Count
	Waiting  [media.KindCount]Waiting
}

// Present yields the sessions of this node in no order. What it yields is valid until the next.
func (h *Hub) Present() iter.Seq[*SessionCensus] {
	return func(yield func(*SessionCensus) bool) {
		c := new(SessionCensus)
		for _, s := range h.live() {
			*c = SessionCensus{Member: s.member(), Standing: s.standing()}
			s.addTo(&c.Count, &c.Waiting)
			if !yield(c) {
				return
			}
		}
	}
}

// Attendance returns the sessions of this node, those of the first room by name first, the
// oldest of a room first.
func (h *Hub) Attendance() []SessionCensus {
	var all []SessionCensus
	for c := range h.Present() {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b SessionCensus) int {
		return cmp.Or(cmp.Compare(a.Room, b.Room), a.Joined.Compare(b.Joined), cmp.Compare(a.Session, b.Session))
	})
	return all
}

// Losses returns, for each session of this node that lost frames of others since the last call,
// how many of whom and why. Only one caller gets them.
func (h *Hub) Losses() map[media.SessionID]map[Loss]uint64 {
	all := make(map[media.SessionID]map[Loss]uint64)
	for _, s := range h.live() {
		if l := s.out.takeLosses(); l != nil {
			all[s.id] = l
		}
	}
	return all
}

// Who returns the user of a session that is in a room of this node, wherever it is connected;
// false when there is none.
func (h *Hub) Who(room media.RoomID, id media.SessionID) (user string, ok bool) {
	h.mu.Lock()
	r := h.rooms[room]
	h.mu.Unlock()
	if r == nil {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.remote[id]; m != nil {
		return m.User, true
	}
	if p := r.local[id]; p != nil {
		return p.User, true
	}
	return "", false
}

// Timings are how long things took and how much waited, of one in [histogram.Rate] packets or
// writes. They may be read at any time.
type Timings struct {
	Ingest histogram.Durations              // from a packet that was read to its last queue
	Age    [media.KindCount]histogram.Waits // of frames when they are handed to the transport
	Depth  histogram.Sizes                  // frames in a queue when some are taken from it

	writeWebSocket, writeWebTransport histogram.Durations
}

// Write returns how long writes to a transport took.
func (t *Timings) Write(over media.Transport) histogram.Reading { return t.write(over).Read() }

func (t *Timings) write(over media.Transport) *histogram.Durations {
	if over == media.WebTransport {
		return &t.writeWebTransport
	}
	return &t.writeWebSocket
}

// Timings returns the histograms of h.
func (h *Hub) Timings() *Timings { return &h.timings }
