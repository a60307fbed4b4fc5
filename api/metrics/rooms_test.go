package metrics

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"parley/api/media"
	"parley/api/rooms"
)

// hall is a node with rooms that a test fills.
type hall struct {
	t     *testing.T
	total rooms.Count
	rooms map[media.RoomID]*rooms.RoomCensus
	reg   *prometheus.Registry
}

func newHall(t *testing.T) *hall {
	h := &hall{t: t, rooms: map[media.RoomID]*rooms.RoomCensus{}, reg: prometheus.NewRegistry()}
	h.reg.MustRegister(&busiest{census: h.census, known: map[media.RoomID]*room{}})
	return h
}

func (h *hall) census() rooms.Census {
	c := rooms.Census{Total: h.total}
	for _, r := range h.rooms {
		c.Rooms = append(c.Rooms, *r)
	}
	return c
}

// send lets packets of 10 bytes come into a room.
func (h *hall) send(room media.RoomID, packets uint64) {
	r := h.rooms[room]
	if r == nil {
		r = &rooms.RoomCensus{Room: room, Sessions: 2}
		h.rooms[room] = r
	}
	for _, c := range []*rooms.Count{&r.Count, &h.total} {
		c.In.Packets[media.Audio] += packets
		c.In.Bytes[media.Audio] += 10 * packets
		c.Drops[rooms.Full][media.Audio] += packets / 2
	}
}

// scrape returns the value of a metric by room, for direction in where there is one.
func (h *hall) scrape(name string) map[string]float64 {
	h.t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["direction"] != "out" {
				values[labels["room"]] = value(m)
			}
		}
	}
	return values
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() + m.GetGauge().GetValue() }

const roomPackets = "parley_room_packets_total"

func TestOnlyTheBusiestRoomsHaveSeries(t *testing.T) {
	h := newHall(t)
	for i := range 3 * topRooms {
		h.send(media.RoomID(fmt.Sprintf("room-%02d", i)), uint64(100+i))
	}
	got := h.scrape(roomPackets)
	if len(got) != topRooms+1 || got["room-59"] != 159 || got["room-40"] != 140 {
		t.Errorf("%d rooms: %v", len(got), got)
	}
	sum := 0.0
	for _, n := range got {
		sum += n
	}
	if sum != 60*100+59*60/2 {
		t.Errorf("together %v", sum)
	}
	if sessions := h.scrape("parley_room_sessions"); sessions["room-59"] != 2 || sessions[otherRooms] != 2*2*topRooms {
		t.Errorf("sessions %v", sessions)
	}
	if dropped := h.scrape("parley_room_packets_dropped_total"); dropped["room-59"] != 79 {
		t.Errorf("dropped %v", dropped)
	}
	if bytes := h.scrape("parley_room_packet_bytes_total"); bytes["room-59"] != 1590 {
		t.Errorf("bytes %v", bytes)
	}
}

// A room that becomes busy takes the place of one that was, and no series goes down but by
// disappearing.
func TestSeriesOfRoomsNeverGoDown(t *testing.T) {
	h := newHall(t)
	last := map[string]float64{}
	const reopened = "room-35"
	check := func() {
		t.Helper()
		now := h.scrape(roomPackets)
		for room, n := range now {
			if n < last[room] && room != reopened {
				t.Errorf("%s went from %v to %v", room, last[room], n)
			}
		}
		if len(now) > topRooms+1 {
			t.Errorf("%d series", len(now))
		}
		last = now
	}
	for round := range 8 {
		for i := range 40 {
			room := media.RoomID(fmt.Sprintf("room-%02d", i))
			packets := uint64(1)
			if i/10 == round/2 {
				packets = 1000
			}
			h.send(room, packets)
		}
		check()
		for i := range 10 {
			if _, there := last[fmt.Sprintf("room-%02d", 10*(round/2)+i)]; !there {
				t.Errorf("round %d: room %d is not among %v", round, 10*(round/2)+i, last)
			}
		}
	}
	others := last[otherRooms]
	delete(h.rooms, "room-35") // with packets that nobody has seen
	h.total.In.Packets[media.Audio] += 7
	check()
	if last[otherRooms] != others+7 {
		t.Errorf("others: %v after %v", last[otherRooms], others)
	}
	h.send("room-35", 50) // opened again
	check()
	if n, there := last["room-35"]; there && n != 50 {
		t.Errorf("the room that opened again has %v", n)
	}
}
