package rooms

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// PopReady empties what is ready without waiting.
func (q *Queue) PopReady(batch []*media.Frame) ([]*media.Frame, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.collect(batch, media.Control, media.KindCount)
}

// AskAgain is how long a queue waits for a keyframe it asked for.
const AskAgain = askAgain

// RationedAge is how long frames may wait while a connection may send less than there is.
const RationedAge = rationedAge

// Congestion is the rule by which a receiver's losses are reported.
type Congestion struct{ c congestion }

// Lost counts a loss and reports whether the sender should be told.
func (c *Congestion) Lost(sender media.SessionID, now time.Time) bool { return c.c.lost(sender, now) }

// Senders returns how many senders are remembered.
func (c *Congestion) Senders() int { return len(c.c.senders) }

// Crowd is a room with receivers that take frames from their queues and send them nowhere.
type Crowd struct {
	room  *Room
	from  *Session
	batch []*media.Frame
}

// NewCrowd returns a room of n receivers.
func NewCrowd(n int) *Crowd {
	h := NewHub(Options{Node: "bench", Log: slog.New(slog.DiscardHandler)})
	c := &Crowd{room: idleRoom(h, "bench"), batch: make([]*media.Frame, 0, batchFrames)}
	c.from = &Session{id: 1, peer: &media.Peer{User: "ada"}, room: c.room, out: NewQueue(h.limits)}
	c.from.active.Store(true)
	c.room.local[1] = &presence{Member: media.Member{Session: 1}, session: c.from}
	c.room.add(c.from)
	for i := range n {
		s := &Session{id: media.SessionID(i + 2), peer: new(media.Peer), room: c.room, out: NewQueue(h.limits)}
		s.active.Store(true)
		c.room.add(s)
	}
	return c
}

// Fanout offers a frame of session 1 to everybody.
func (c *Crowd) Fanout(f *media.Frame) { c.room.fanout(f) }

// Instances makes every receiver one that knows layers.
func (c *Crowd) Instances() {
	for _, s := range *c.room.sessions.Load() {
		s.peer.Instance = "x"
	}
}

// Prefer makes every receiver want a layer of session 1, which sends all below 3, and show the
// cameras of as many others.
func (c *Crowd) Prefer(layer uint32, others int) {
	choices := []wire.LayerChoice{{Session: 1, Stream: wire.Video, Layer: layer}}
	shown := []uint64{1}
	for i := range others {
		shown = append(shown, uint64(1_000_000+i))
		choices = append(choices, wire.LayerChoice{Session: uint64(1_000_000 + i), Stream: wire.Video})
	}
	for _, s := range *c.room.sessions.Load() {
		s.preferences = preferences{shown: shown, layers: choices}
		s.selection.Store(s.choose(nil))
	}
}

// Rule gives the room rules.
func (c *Crowd) Rule(rules Rules) { c.room.follow(rules) }

// Ingest is a packet that session 1 sends.
func (c *Crowd) Ingest(packet []byte) {
	c.from.ingest(context.Background(), media.Packet{Data: packet[:len(packet):cap(packet)]}, time.Now())
}

// Says is a packet that session 2, the first receiver, sends.
func (c *Crowd) Says(packet []byte) {
	c.room.session(2).ingest(context.Background(), media.Packet{Data: packet}, time.Now())
}

// Gets empties the queue of session 2 and returns the pictures it held.
func (c *Crowd) Gets() (pictures []*media.Frame) {
	for out := c.room.session(2).out; out.Len() > 0; {
		got, _ := out.PopReady(c.batch[:0])
		pictures = append(pictures, got...)
	}
	return slices.DeleteFunc(pictures, func(f *media.Frame) bool { return !f.Kind.IsPicture() })
}

// Drain empties the queues and returns how many frames they held.
func (c *Crowd) Drain() (n int) {
	for _, s := range *c.room.sessions.Load() {
		for s.out.Len() > 0 {
			got, _ := s.out.PopReady(c.batch[:0])
			n += len(got)
		}
	}
	return n
}

// Purge drops what waits of some sources of a session.
func (q *Queue) Purge(session media.SessionID, sources wire.Sources) {
	q.purge(func(id media.SessionID) bool { return id == session }, sources)
}

// Carriage is sessions of one room that are written to and never read from.
type Carriage struct {
	room     *Room
	sessions []*Session
}

// NewCarriage returns one whose sound and pictures may wait for others as long as that.
func NewCarriage(sound, pictures time.Duration) *Carriage {
	return newCarriage(Options{SoundWindow: sound, PictureWindow: pictures})
}

// NewBusyCarriage returns one of a node that has more to do than it can, if busy.
func NewBusyCarriage(busy bool) *Carriage {
	return newCarriage(Options{Busy: func() bool { return busy }})
}

func newCarriage(o Options) *Carriage {
	o.Node, o.Log = "group", slog.New(slog.DiscardHandler)
	h := NewHub(o)
	return &Carriage{room: idleRoom(h, "group")}
}

// Add begins a session and returns its queue.
func (g *Carriage) Add(conn media.Conn) *Queue {
	ctx, end := context.WithCancelCause(context.Background())
	s := &Session{id: media.SessionID(len(g.sessions) + 1), peer: new(media.Peer), conn: conn, room: g.room, out: NewQueue(g.room.hub.limits), end: end}
	g.sessions = append(g.sessions, s)
	if c, ok := conn.(media.PictureConn); ok {
		s.out.Split(c.Skip)
	}
	if c, ok := conn.(media.GaugedConn); ok {
		s.out.gauged(c, func() bool { return false })
	}
	s.dismiss = g.room.hub.employ(ctx, s)
	s.write(ctx, ctx)
	return s.out
}

// idleRoom returns a room that does nothing of its agenda.
func idleRoom(h *Hub, id media.RoomID) *Room {
	r := newRoom(h, id)
	r.agenda.start = func() {}
	return r
}

// HeardAgain reports whether a courier that ended while somebody called hears who calls it next.
func HeardAgain() bool {
	for u := range urgencies {
		c := newCourier(lengths{}, func() bool { return false })
		c.join()
		c.call(&outlet{urgency: u})
		c.leave()
		c.run()
		c.join()
		c.call(&outlet{urgency: u})
		select {
		case <-c.ready:
		default:
			return false
		}
	}
	return true
}

// Couriers returns how many sessions each courier has that has some.
func (g *Carriage) Couriers() (sessions []int) {
	for _, c := range g.room.hub.couriers {
		if n := c.load(); n > 0 {
			sessions = append(sessions, n)
		}
	}
	return sessions
}

// End ends the sessions and waits until nothing of them is left. It panics if a courier then still has who waits.
func (g *Carriage) End() {
	for _, s := range g.sessions {
		s.out.Close(errDraining)
	}
	for _, s := range g.sessions {
		s.course.work.Wait()
		s.dismiss()
	}
	g.room.hub.work.Wait()
	for _, c := range g.room.hub.couriers {
		for u := range c.windows {
			if n := c.windows[u].callers.Load(); n != 0 {
				panic(fmt.Sprintf("%d wait for a courier that has no sessions", n))
			}
		}
	}
}

// Shed drops what waits of the kinds after the first, and of that what came until then.
func (q *Queue) Shed(first media.Kind, until time.Time) { q.shed(first, until, nil) }

// FairShare returns what rooms that hold so much may hold.
func FairShare(most int64, held ...int64) int64 {
	var shelves []shelf
	for _, h := range held {
		shelves = append(shelves, shelf{held: h})
	}
	return fairShare(shelves, most)
}

// Held returns the memory of all frames that wait or are being written.
func (h *Hub) Held() (bytes int) {
	frames := make(map[*media.Frame]bool)
	for _, s := range h.live() {
		for _, f := range append(s.out.fixed(nil), s.out.loose(nil)...) {
			if !frames[f] {
				frames[f] = true
				bytes += cap(f.Wire)
			}
		}
	}
	return bytes
}
