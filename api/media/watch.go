package media

// Watcher is told when something begins, apart from the packets themselves. Its methods are
// called where packets pass, some of them with locks held: they return at once and call
// nothing of this package. They are called when something changes, never for every packet.
type Watcher interface {
	// Active says that a session takes part: it has sent something that is not a probe.
	Active(id SessionID)

	// Sends says that a session has sent its first packet of a kind.
	Sends(id SessionID, kind Kind)

	// Reached says that the first frame of a picture source waits to be sent to a receiver,
	// or the first sound of anybody.
	Reached(receiver, sender SessionID, kind Kind)

	// KeyframeAsked says that the server asked a session of this node for a keyframe, and
	// KeyframeCame that the next one came.
	KeyframeAsked(sender SessionID, kind Kind)
	KeyframeCame(sender SessionID, kind Kind)
}

// unwatched is told of everything and does nothing.
type unwatched struct{}

func (unwatched) Active(SessionID)               {}
func (unwatched) Sends(SessionID, Kind)          {}
func (unwatched) Reached(_, _ SessionID, _ Kind) {}
func (unwatched) KeyframeAsked(SessionID, Kind)  {}
func (unwatched) KeyframeCame(SessionID, Kind)   {}
