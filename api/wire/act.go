package wire

import callv1 "parley/protobuf/call/v1"

// MeetingActivated tells those who wait that the meeting has begun.
func MeetingActivated(room string) []byte {
	return actEvent(room, callv1.MeetingPacket_MEETING_ACTIVATED, "", "")
}

// ParticipantAdmitted tells target, and the room, that they were let in.
func ParticipantAdmitted(room, target string) []byte {
	return actEvent(room, callv1.MeetingPacket_PARTICIPANT_ADMITTED, target, "")
}

// ParticipantRejected tells target that they were turned away.
func ParticipantRejected(room, target string) []byte {
	return actEvent(room, callv1.MeetingPacket_PARTICIPANT_REJECTED, target, "")
}

// WaitingRoomUpdated tells that somebody came to wait, or went.
func WaitingRoomUpdated(room string) []byte {
	return actEvent(room, callv1.MeetingPacket_WAITING_ROOM_UPDATED, "", "")
}

// SettingsUpdated tells that options of the meeting changed.
func SettingsUpdated(room string) []byte {
	return actEvent(room, callv1.MeetingPacket_MEETING_SETTINGS_UPDATED, "", "")
}

// ParticipantKicked tells target, and the room, that they were removed.
func ParticipantKicked(room, target string) []byte {
	return actEvent(room, callv1.MeetingPacket_PARTICIPANT_KICKED, target, "")
}

// HostMute tells target, or everybody but host when target is "", to switch the microphone
// off.
func HostMute(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_MUTE_PARTICIPANT, target, host)
}

// HostDisableVideo is HostMute for the camera.
func HostDisableVideo(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_DISABLE_VIDEO, target, host)
}

// HostStopScreen is HostMute for a shared screen.
func HostStopScreen(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_STOP_SCREEN_SHARE, target, host)
}

// HostLowerHand is HostMute for a raised hand.
func HostLowerHand(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_LOWER_HAND, target, host)
}

// HostGranted tells that host made target a host.
func HostGranted(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_GRANTED, target, host)
}

// HostRevoked tells that host took the host role from target.
func HostRevoked(room, target, host string) []byte {
	return actEvent(room, callv1.MeetingPacket_HOST_REVOKED, target, host)
}

// Refusal is why the server does not pass on the media of a client.
type Refusal uint8

// The refusals.
const (
	EncryptionRequired Refusal = iota
	ScreensOff
	TooMuch     // from one client
	RoomTooMuch // from all in the room
	Refusals    // how many there are
)

// MediaRefused tells a client why its media goes nowhere.
func MediaRefused(room string, why Refusal) []byte {
	words := [...]struct{ code, message string }{
		EncryptionRequired: {"encryption_required", "This meeting requires end-to-end encryption; what is sent without it reaches nobody."},
		ScreensOff:         {"screen_share_off", "Screens cannot be shared in this meeting."},
		TooMuch:            {"too_much", "You send more than one participant may; some of it reaches nobody."},
		RoomTooMuch:        {"room_too_much", "More is sent in this meeting than it may; some of it reaches nobody."},
	}[why]
	return meetingEvent(&callv1.MeetingPacket{
		EventType: callv1.MeetingPacket_MEDIA_REFUSED, RoomId: room, RefusalCode: words.code, Message: words.message,
	})
}

// DisplayNameChanged tells what target is called from now on.
func DisplayNameChanged(room, target, name string) []byte {
	return meetingEvent(&callv1.MeetingPacket{
		EventType:    callv1.MeetingPacket_PARTICIPANT_DISPLAY_NAME_CHANGED,
		RoomId:       room,
		TargetUserId: []byte(target),
		DisplayName:  []byte(name),
	})
}

// actEvent is an event about target, by host; existing clients look for the host in the
// field of the creator.
func actEvent(room string, event callv1.MeetingPacket_MeetingEventType, target, host string) []byte {
	return meetingEvent(&callv1.MeetingPacket{
		EventType: event, RoomId: room, TargetUserId: []byte(target), CreatorId: []byte(host),
	})
}
