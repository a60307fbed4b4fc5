package media

import (
	"iter"
	"time"
)

// RoomID names a room: 1 to 255 bytes of [A-Za-z0-9_-], so that it is also one NATS token.
type RoomID string

// SessionID numbers a session. It is random and never 0; 0 stands for the server.
type SessionID uint64

// NodeID names a running process, not a machine: a restarted node has a new one.
type NodeID string

// Kind decides how a queue treats a frame.
type Kind uint8

// The kinds, in the order in which a queue serves them.
const (
	Control   Kind = iota // from the server; losing one ends the session
	Audio                 // strict order, own budget
	Data                  // from peers: keys, heartbeats, diagnostics, reactions; newest is dropped
	Screen                // skips to the next keyframe
	Video                 // skips to the next keyframe
	KindCount             // is no kind: how many there are
)

// String returns the lower-case name used in logs and metrics.
func (k Kind) String() string {
	return [...]string{"control", "audio", "data", "screen", "video"}[k]
}

// IsPicture reports whether frames of k need those before them, up to a keyframe.
func (k Kind) IsPicture() bool { return k >= Screen }

// HasLayers reports whether k may come in simulcast layers.
func (k Kind) HasLayers() bool { return k.IsPicture() || k == Audio }

// StreamID names one sequence of frames that a decoder needs in order.
type StreamID struct {
	Session SessionID
	Kind    Kind
	Layer   uint32
}

// Frame is one packet on its way to receivers.
//
// A Frame is immutable after ingest, but for what the stock notes: fan-out shares it between all
// queues, so nobody writes to Wire, appends to it or copies the Frame.
type Frame struct {
	From   SessionID // sender; 0 for frames made by the server
	To     SessionID // the only receiver; 0 for everybody in the room
	Layer  uint32    // simulcast layer, 0 is the lowest
	look   uint32    // of the stock, when it was last seen; nobody else uses it
	Kind   Kind
	Key    bool  // decodable without earlier frames of its stream
	Layers uint8 // one bit for each layer that its source sends these days
	Opaque bool  // its sender encrypts and marks no keyframes

	// Patient allows it to wait for others to be sent with, up to a second.
	Patient bool

	// Unknown says that it counts as video because nothing says what it is.
	Unknown bool

	// Datagram allows a transport that has datagrams to send this frame as one. It is set
	// only when Wire fits into wire.MaxDatagram.
	Datagram bool

	// Received is when this node read the frame; its age counts from here.
	Received time.Time

	// Wire is a serialized call.v1.PacketWrapper of at most wire.MaxPacket+wire.StampRoom bytes.
	Wire []byte
}

// Stream returns the stream f belongs to.
func (f *Frame) Stream() StreamID { return StreamID{f.From, f.Kind, f.Layer} }

// Seen marks f with the number of a look and reports whether it had it already. The stock alone calls
// it, from one goroutine at a time: that is how it counts each frame once.
func (f *Frame) Seen(look uint32) bool {
	if f.look == look {
		return true
	}
	f.look = look
	return false
}

// Kinds yields every kind in order.
func Kinds() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for k := range KindCount {
			if !yield(k) {
				return
			}
		}
	}
}
