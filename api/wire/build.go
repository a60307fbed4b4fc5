package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

// Participant is what a meeting event says of one session.
type Participant struct {
	Session     uint64
	User        string
	DisplayName string
	Guest       bool
}

// SessionAssigned tells a client the number of its session.
func SessionAssigned(session uint64) []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_SESSION_ASSIGNED,
		UserId:     []byte(SystemUser),
		SessionId:  session,
	})
}

// MeetingStarted tells since when the meeting runs and who created it.
func MeetingStarted(room string, started time.Time, creator string) []byte {
	return meetingEvent(&callv1.MeetingPacket{
		EventType:   callv1.MeetingPacket_MEETING_STARTED,
		RoomId:      room,
		StartTimeMs: uint64(started.UnixMilli()),
		CreatorId:   []byte(creator),
	})
}

// MeetingEnded tells that the meeting is over, and why, for people.
func MeetingEnded(room, message string) []byte {
	return meetingEvent(&callv1.MeetingPacket{
		EventType: callv1.MeetingPacket_MEETING_ENDED,
		RoomId:    room,
		Message:   message,
	})
}

// ParticipantJoined tells of a session that became active.
func ParticipantJoined(room string, p Participant) []byte {
	return participantEvent(room, p, callv1.MeetingPacket_PARTICIPANT_JOINED, " has joined the meeting", 0)
}

// ParticipantLeft tells that a session is gone for good.
func ParticipantLeft(room string, p Participant) []byte {
	return participantEvent(room, p, callv1.MeetingPacket_PARTICIPANT_LEFT, " has left the meeting", 0)
}

// SessionReplaced tells that a participant reconnected: p continues what replaced was.
func SessionReplaced(room string, p Participant, replaced uint64) []byte {
	return participantEvent(room, p, callv1.MeetingPacket_SESSION_REPLACED, " has reconnected", replaced)
}

// Numbered returns the packet of an event with its place in the log of its room. It keeps
// and changes m.
func Numbered(m *callv1.MeetingPacket, epoch string, number uint64) []byte {
	m.EventEpoch, m.EventNumber = epoch, number
	return meetingEvent(m)
}

// CaughtUp tells that the receiver knows every event of the room up to number. With skipped,
// events before it that the receiver was not told are not to be waited for.
func CaughtUp(room, epoch string, number uint64, skipped bool) []byte {
	return Numbered(&callv1.MeetingPacket{
		EventType: callv1.MeetingPacket_EVENTS_CAUGHT_UP, RoomId: room, EventsSkipped: skipped,
	}, epoch, number)
}

func participantEvent(room string, p Participant, event callv1.MeetingPacket_MeetingEventType,
	did string, replaced uint64) []byte {
	return meetingEvent(&callv1.MeetingPacket{
		EventType:         event,
		RoomId:            room,
		Message:           strings.ToValidUTF8(p.User, "\uFFFD") + did,
		TargetUserId:      []byte(p.User),
		SessionId:         p.Session,
		DisplayName:       []byte(p.DisplayName),
		IsGuest:           p.Guest,
		ReplacedSessionId: replaced,
	})
}

// Congestion tells the session sender that the receiver of this name loses its packets.
func Congestion(sender uint64, receiver string) []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_CONGESTION,
		UserId:     []byte(receiver),
		SessionId:  sender,
	})
}

// DownlinkCongestion tells a receiver that its own downlink does not keep up.
func DownlinkCongestion() []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_DOWNLINK_CONGESTION,
		UserId:     []byte(SystemUser),
	})
}

// KeyframeRequestFor asks the session target of publisher for a keyframe of a layer of stream
// in the name of a receiver, exactly as the receiver's own client would.
func KeyframeRequestFor(receiver Participant, publisher string, target uint64, stream Stream, layer uint32) []byte {
	text := "VIDEO"
	if stream == Screen {
		text = "SCREEN"
	}
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_MEDIA,
		UserId:     []byte(receiver.User),
		SessionId:  receiver.Session,

		SimulcastLayerId: layer,
		Data: encode(&callv1.MediaPacket{
			MediaType:       callv1.MediaPacket_KEYFRAME_REQUEST,
			UserId:          []byte(publisher),
			Data:            []byte(text),
			TargetSessionId: target,
		}),
	})
}

// RewriteHealth returns a client's HealthPacket with the identity that the server knows,
// and without the query of the server's URL, which carries the client's token. Fields we do
// not know survive. It fails when packet is no HealthPacket or has more than MaxHealth bytes.
func RewriteHealth(packet []byte, session uint64, room, user string) ([]byte, error) {
	if len(packet) > MaxHealth {
		return nil, fmt.Errorf("health packet of %d bytes, at most %d are taken", len(packet), MaxHealth)
	}
	var h healthv1.HealthPacket
	if err := proto.Unmarshal(packet, &h); err != nil {
		return nil, fmt.Errorf("read health packet: %w", err)
	}
	h.SessionId = strconv.FormatUint(session, 10)
	h.MeetingId = room
	h.ReportingUserId = []byte(user)
	h.ActiveServerUrl, _, _ = strings.Cut(h.ActiveServerUrl, "?")
	return encode(&h), nil
}

func meetingEvent(m *callv1.MeetingPacket) []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_MEETING,
		UserId:     []byte(SystemUser),
		Data:       encode(m),
	})
}

// encode marshals a message of ours, which cannot fail: it has no invalid UTF-8 in string
// fields, no required fields and far less than 2 GiB.
func encode(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic("wire: " + err.Error())
	}
	return b
}
