package management

import "context"

// Act is a kind of news for the people in a room.
type Act string

// The acts. Who they are about is the Target of an [Event]; "" is everybody but the actor.
const (
	Activated       Act = "activated"
	Over            Act = "ended"
	LetIn           Act = "admitted"
	TurnedAway      Act = "rejected"
	WaitingChanged  Act = "waiting_room_updated"
	OptionsChanged  Act = "settings_updated"
	Mute            Act = "mute"
	CameraOff       Act = "camera_off"
	StopScreenShare Act = "stop_screen_share"
	KickedOut       Act = "kicked"
	HostGranted     Act = "host_granted"
	HostRevoked     Act = "host_revoked"
	Renamed         Act = "renamed"
	LowerHand       Act = "lower_hand"
)

// Event is what people in a room, and in front of it, are told.
type Event struct {
	Act     Act
	Actor   string // who did it, "" when nobody in particular
	Target  string
	Name    string // new name, for Renamed
	Message string // for people, for Over
}

// Rooms makes decisions happen where people are connected, on all nodes.
type Rooms interface {
	// Tell delivers e to everybody in room and in front of it, in order with other events.
	Tell(ctx context.Context, room string, e Event) error

	// Remove ends the connections of a user, or of everybody when user is "", for good: no
	// media reaches them from then on. They are told why themselves: [Removed], [Denied],
	// [MeetingNotActive], or nothing after [NotInMeeting], for they went.
	Remove(ctx context.Context, room, user string, why Code) error

	// Changed says on all nodes that lists which contain the meeting of room are stale; each
	// answers with [Meetings.Stale].
	Changed(ctx context.Context, room string) error
}
