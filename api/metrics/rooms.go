package metrics

import (
	"cmp"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"parley/api/media"
	"parley/api/rooms"
)

const (
	// topRooms is how many rooms have series of their own; all the others share those of
	// otherRooms. Five series for each are nothing to Prometheus even with many nodes.
	topRooms = 20

	// otherRooms is no name that a room can have.
	otherRooms = "(others)"
)

var (
	roomSessionsDesc = desc("room_sessions", "Sessions of one room on this node. The busiest 20 rooms are told apart.", "room")
	roomPacketsDesc  = desc("room_packets_total", "Packets from clients of one room (in) and to them (out) while it was among the busiest.", "room", "direction")
	roomBytesDesc    = desc("room_packet_bytes_total", "Bytes of those packets.", "room", "direction")
	roomDroppedDesc  = desc("room_packets_dropped_total", "Packets of one room that got no further.", "room")
)

// busiest are the busiest rooms of a node. What rooms passed on since the last scrape is added
// to their own series; what is left of what the node passed on, to that of all others. So no
// series ever goes down and nothing is missing, whoever is among the busiest.
type busiest struct {
	census func() rooms.Census

	mu     sync.Mutex
	known  map[media.RoomID]*room
	seen   traffic // of the node
	others traffic
}

// room is what is remembered of a room from one scrape to the next.
type room struct {
	seen  traffic // in all
	shown traffic // as its own series
	busy  uint64  // packets lately; halves with every scrape
}

// traffic is what series tell of a room.
type traffic struct{ inPackets, inBytes, outPackets, outBytes, dropped uint64 }

func trafficOf(c *rooms.Count) (t traffic) {
	t.inPackets, t.inBytes = c.In.Total()
	t.outPackets, t.outBytes = c.Out.Total()
	t.dropped = c.Drops.Total()
	return t
}

// follows reports whether no number of t is below that of o.
func (t traffic) follows(o traffic) bool {
	return t.inPackets >= o.inPackets && t.inBytes >= o.inBytes &&
		t.outPackets >= o.outPackets && t.outBytes >= o.outBytes && t.dropped >= o.dropped
}

// plus returns t + sign*o.
func (t traffic) plus(o traffic, sign uint64) traffic {
	return traffic{
		t.inPackets + sign*o.inPackets, t.inBytes + sign*o.inBytes,
		t.outPackets + sign*o.outPackets, t.outBytes + sign*o.outBytes, t.dropped + sign*o.dropped,
	}
}

const (
	more = uint64(1)
	less = ^uint64(0) // -1: unsigned numbers wrap around
)

// Describe implements prometheus.Collector.
func (*busiest) Describe(to chan<- *prometheus.Desc) {
	describe(to, roomSessionsDesc, roomPacketsDesc, roomBytesDesc, roomDroppedDesc)
}

// Collect implements prometheus.Collector.
func (r *busiest) Collect(to chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	whole := r.census()
	census := whole.Rooms
	since := r.advance(census)
	total := trafficOf(&whole.Total)
	r.others = r.others.plus(total, more).plus(r.seen, less)
	r.seen = total
	slices.SortFunc(census, func(a, b rooms.RoomCensus) int {
		return cmp.Or(cmp.Compare(r.known[b.Room].busy, r.known[a.Room].busy), cmp.Compare(a.Room, b.Room))
	})
	top := census[:min(topRooms, len(census))]
	for _, c := range top {
		known := r.known[c.Room]
		known.shown = known.shown.plus(since[c.Room], more)
		r.others = r.others.plus(since[c.Room], less)
		show(to, string(c.Room), c.Sessions, known.shown)
	}
	sessions := 0
	for _, c := range census[len(top):] {
		sessions += c.Sessions
	}
	show(to, otherRooms, sessions, r.others)
}

// advance returns what each room passed on since the last scrape, and forgets rooms that are
// gone. A room that closed and opened again begins anew.
func (r *busiest) advance(census []rooms.RoomCensus) map[media.RoomID]traffic {
	since := make(map[media.RoomID]traffic, len(census))
	live := make(map[media.RoomID]*room, len(census))
	for i := range census {
		c := &census[i]
		now, known := trafficOf(&c.Count), r.known[c.Room]
		if known == nil || !now.follows(known.seen) {
			known = new(room)
		}
		delta := now.plus(known.seen, less)
		known.seen = now
		known.busy = known.busy/2 + delta.inPackets + delta.outPackets
		live[c.Room], since[c.Room] = known, delta
	}
	r.known = live
	return since
}

func show(to out, name string, sessions int, t traffic) {
	to.gauge(roomSessionsDesc, float64(sessions), name)
	to.counter(roomPacketsDesc, float64(t.inPackets), name, "in")
	to.counter(roomPacketsDesc, float64(t.outPackets), name, "out")
	to.counter(roomBytesDesc, float64(t.inBytes), name, "in")
	to.counter(roomBytesDesc, float64(t.outBytes), name, "out")
	to.counter(roomDroppedDesc, float64(t.dropped), name)
}
