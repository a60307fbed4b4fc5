package media

import (
	"parley/api/fault"
)

// Watcher is told when something begins, apart from the packets themselves. Its methods are
// called where packets pass, some of them with locks held: they return at once and call
// nothing of this package. They are called when something changes, never for every packet.
type Watcher interface {
	// Active says that a session takes part: it has sent something that is not a probe.
	Active(id SessionID)

	// Sends says that a session has sent its first packet of a kind.
	Sends(id SessionID, kind Kind)

	// Awaits says that frames of a picture source come for a receiver who cannot decode them
	// before the next keyframe: it met them in their middle.
	Awaits(receiver, sender SessionID, kind Kind)

	// Reached says that the first frame of a picture source waits to be sent to a receiver,
	// or the first sound of anybody.
	Reached(receiver, sender SessionID, kind Kind)

	// KeyframeAsked says that a session of this node was asked for a keyframe, by the server or
	// by others, and KeyframeCame that the next one came, and how often it was asked for.
	KeyframeAsked(sender SessionID, kind Kind)
	KeyframeCame(sender SessionID, kind Kind, requests uint32)

	// LayerChanged says that a receiver which chose a layer of a source gets another one.
	LayerChanged(c LayerChange)

	// Misbehaved says that a client sent what it must not: code is forged, malformed or
	// bad_health. Of one session that is said now and then, however much of it comes.
	Misbehaved(id SessionID, code fault.Code)

	// Admitted says that a user who waited in front of a room was let in.
	Admitted(room RoomID, user string)

	// Departed says that the others were told that a session of this node is gone: its
	// connection ended, and nobody came back in time.
	Departed(id SessionID)
}

// LayerChange is that a receiver gets another layer of a source.
type LayerChange struct {
	Receiver, Sender SessionID
	Kind             Kind
	From, To         uint32 // From is above [wire.MaxLayer] for a receiver that got all, or none
	Why              LayerReason
}

// LayerReason is why a receiver gets the layer that it gets.
type LayerReason string

// The reasons.
const (
	LayerWanted   LayerReason = "wanted"   // it chose this one
	LayerStrained LayerReason = "strained" // it does not keep up with the one it chose
	LayerMissing  LayerReason = "missing"  // the one it chose is not sent
)
