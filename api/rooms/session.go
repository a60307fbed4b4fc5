package rooms

import (
	"context"
	"sync/atomic"
	"time"

	"parley/api/histogram"
	"parley/api/media"
	"parley/api/wire"
)

// Session is one connection of one participant to one room.
type Session struct {
	// What fan-out asks of every receiver comes first, so that it shares a line of the
	// processor's caches.
	id        media.SessionID
	out       *Queue
	selection atomic.Pointer[selection]
	strain    strain
	active    atomic.Bool // others know of it
	observer  bool        // of peer

	peer   *media.Peer // never changed
	conn   media.Conn
	room   *Room
	joined time.Time

	// end closes the session after the control frames that wait; its argument says why. It
	// does not block, and the first reason wins.
	end context.CancelCauseFunc

	dismiss func() // gives its courier up
	course  course
	reading reading

	activated  atomic.Int64 // since when, in Unix ns
	host       atomic.Bool
	congestion congestion // of what this session loses, by sender
	keyframes  keyframeLimit
	spending   spending
	asked      keyframesAsked
	due        [pictures]atomic.Uint32 // how often a keyframe was asked for that did not come yet
	misbehaved int64                   // Unix ns; when the watcher was last told

	preferences preferences
	flows       *flows // nil for a source without layers

	gate       atomic.Uint32 // a gate
	silencedAt atomic.Int64  // Unix ns; when a host last asked for something
	listener   listener
	meter      *meter // nil until it sends media to a capped room
	talker     talker
	pulse      pulse
	rhythm     rhythm
	hasty      atomic.Bool              // it needs heartbeats of others more often
	refused    [wire.Refusals]time.Time // when its client was last told

	stuck    bool // ended by the stock, which alone uses it
	in, sent traffic
	refusals atomic.Pointer[drops] // of what it sends; nil while all goes through

	// Guarded by room.mu.
	replaces media.SessionID // the lost session whose place it takes when it becomes active
	gone     bool            // detached from the room
	silence  silenced
	since    uint64 // Unix ms; what was written before is not of its meeting
}

// member returns what the cluster may know of s.
func (s *Session) member() media.Member {
	return media.Member{
		Session: s.id, Node: s.room.hub.node, Room: s.room.id,
		User: s.peer.User, DisplayName: s.peer.DisplayName,
		Host: s.host.Load(), Guest: s.peer.Guest, Instance: s.peer.Instance,
		Transport: s.conn.Transport(), Joined: s.joined, Issued: s.peer.Issued, SignIn: s.peer.SignIn,
	}
}

// offer hands batch to the connection as far as it takes it without waiting.
func (s *Session) offer(sampler *histogram.Sampler, o *outlet, batch []*media.Frame) (left []*media.Frame, ok bool) {
	if sampler.Pick() {
		begin := s.look(batch)
		left, ok = o.offer(batch)
		s.wrote(begin)
	} else {
		left, ok = o.offer(batch)
	}
	s.count(batch[:len(batch)-len(left)])
	return left, ok
}

// count counts what was sent.
func (s *Session) count(batch []*media.Frame) {
	var sent Traffic
	for _, f := range batch {
		sent.Packets[f.Kind]++
		sent.Bytes[f.Kind] += uint64(len(f.Wire))
	}
	s.sent.add(&sent)
}

// look notes what batch tells about the queue; wrote does that about the transport, once it has
// been written.
func (s *Session) look(batch []*media.Frame) (begin time.Time) {
	t := &s.room.hub.timings
	begin = time.Now()
	t.Depth.Observe(len(batch) + s.out.Len())
	for _, f := range batch {
		t.Age[f.Kind].Observe(begin.Sub(f.Received), 1)
	}
	return begin
}

func (s *Session) wrote(begin time.Time) {
	s.room.hub.timings.write(s.conn.Transport()).Observe(time.Since(begin))
}
