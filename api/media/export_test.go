package media

import (
	"log/slog"
	"time"
)

// PopReady empties what is ready without waiting.
func (q *Queue) PopReady(batch []*Frame) ([]*Frame, error) { return q.popReady(batch) }

// AskAgain is how long a queue waits for a keyframe it asked for.
const AskAgain = askAgain

// Congestion is the rule by which a receiver's losses are reported.
type Congestion struct{ c congestion }

// Lost counts a loss and reports whether the sender should be told.
func (c *Congestion) Lost(sender SessionID, now time.Time) bool { return c.c.lost(sender, now) }

// Senders returns how many senders are remembered.
func (c *Congestion) Senders() int { return len(c.c.senders) }

// Crowd is a room with receivers that take frames from their queues and send them nowhere.
type Crowd struct {
	room  *Room
	batch []*Frame
}

// NewCrowd returns a room of n receivers.
func NewCrowd(n int) *Crowd {
	h := NewHub(Options{Node: "bench", Relay: NewLocal("bench"), Log: slog.New(slog.DiscardHandler)})
	c := &Crowd{room: newRoom(h, "bench"), batch: make([]*Frame, 0, batchFrames)}
	for i := range n {
		c.room.add(&Session{id: SessionID(i + 2), room: c.room, out: NewQueue(h.limits)})
	}
	return c
}

// Fanout offers a frame of session 1 to everybody.
func (c *Crowd) Fanout(f *Frame) { c.room.fanout(f) }

// Drain empties the queues and returns how many frames they held.
func (c *Crowd) Drain() (n int) {
	for _, s := range *c.room.sessions.Load() {
		for s.out.Stats().Frames > 0 {
			got, _ := s.out.popReady(c.batch[:0])
			n += len(got)
		}
	}
	return n
}
