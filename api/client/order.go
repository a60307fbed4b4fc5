package client

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

// heldMost is how many events wait for an earlier one before that counts as lost.
const heldMost = 256

// Order puts meeting events and lines of chat into the order of the log of their room. Over WebTransport each
// packet comes in a stream of its own, so that one may overtake another. The zero value is
// ready for a client that knows nothing yet; it is not for several goroutines.
type Order struct {
	Epoch  string // of the last event that was due
	Number uint64

	held map[uint64]Packet
}

// Next takes a packet as it arrived and returns those that are due now, in order. What has no
// number is due at once.
func (o *Order) Next(p Packet) (due []Packet) {
	epoch, number, skipped := placeOf(p.Data)
	switch {
	case number == 0:
		return []Packet{p}
	case skipped, number == 1 && epoch != o.Epoch: // a beginning
		o.Epoch, o.Number = epoch, number
		due = append(o.release(number), p)
	case o.Epoch != "" && (epoch != o.Epoch || number <= o.Number): // too late
		return []Packet{p}
	default:
		if o.held == nil {
			o.held = make(map[uint64]Packet)
		}
		o.held[number] = p
		if len(o.held) > heldMost {
			o.Epoch, o.Number = epoch, slices.Min(slices.Collect(maps.Keys(o.held)))-1
		}
	}
	for next, ok := o.held[o.Number+1]; ok && o.Epoch != ""; next, ok = o.held[o.Number+1] {
		o.Number++
		delete(o.held, o.Number)
		due = append(due, next)
	}
	return due
}

// release returns what was held up to a number.
func (o *Order) release(number uint64) (due []Packet) {
	for _, n := range slices.Sorted(maps.Keys(o.held)) {
		if n <= number {
			due = append(due, o.held[n])
			delete(o.held, n)
		}
	}
	return due
}

// placeOf returns the place of an event in the log, with number 0 for what has none.
func placeOf(packet []byte) (epoch string, number uint64, skipped bool) {
	var w callv1.PacketWrapper
	if proto.Unmarshal(packet, &w) != nil {
		return "", 0, false
	}
	switch w.PacketType {
	case callv1.PacketWrapper_MEETING:
		var m callv1.MeetingPacket
		if proto.Unmarshal(w.Data, &m) == nil {
			return m.EventEpoch, m.EventNumber, m.EventsSkipped
		}
	case callv1.PacketWrapper_CHAT:
		var line callv1.ChatMessage
		if proto.Unmarshal(w.Data, &line) == nil && !line.Past {
			return line.EventEpoch, line.EventNumber, false
		}
	}
	return "", 0, false
}
