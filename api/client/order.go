package client

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

// heldMost is how many events wait for an earlier one before that counts as lost.
const heldMost = 256

// Order puts meeting events into the order of the log of their room. Over WebTransport each
// packet comes in a stream of its own, so that one may overtake another. The zero value is
// ready for a client that knows nothing yet; it is not for several goroutines.
type Order struct {
	Epoch  string // of the last event that was due
	Number uint64

	held map[uint64]Packet
}

// Next takes a packet as it arrived and returns those that are due now, in order. What is no
// meeting event, or has no number, is due at once.
func (o *Order) Next(p Packet) (due []Packet) {
	m := numbered(p.Data)
	switch {
	case m == nil:
		return []Packet{p}
	case m.EventsSkipped, m.EventNumber == 1 && m.EventEpoch != o.Epoch: // a beginning
		o.Epoch, o.Number = m.EventEpoch, m.EventNumber
		due = append(o.release(m.EventNumber), p)
	case o.Epoch != "" && (m.EventEpoch != o.Epoch || m.EventNumber <= o.Number): // too late
		return []Packet{p}
	default:
		if o.held == nil {
			o.held = make(map[uint64]Packet)
		}
		o.held[m.EventNumber] = p
		if len(o.held) > heldMost {
			o.Epoch, o.Number = m.EventEpoch, slices.Min(slices.Collect(maps.Keys(o.held)))-1
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

// numbered returns the meeting event of a packet, nil when it is none or has no number.
func numbered(packet []byte) *callv1.MeetingPacket {
	var w callv1.PacketWrapper
	m := new(callv1.MeetingPacket)
	if proto.Unmarshal(packet, &w) != nil || w.PacketType != callv1.PacketWrapper_MEETING ||
		proto.Unmarshal(w.Data, m) != nil || m.EventNumber == 0 {
		return nil
	}
	return m
}
