package mediatest

import (
	"fmt"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

var probes atomic.Uint64

// Probe returns an RTT probe that differs from every other.
func Probe() []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_RTT, Timestamp: float64(probes.Add(1))})
}

// Heartbeat returns what a client sends to become active.
func Heartbeat() []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_HEARTBEAT})
}

// Saying returns a heartbeat of a client that has these sources switched on.
func Saying(on ...wire.Stream) []byte {
	has := wire.SourcesOf(on...)
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_HEARTBEAT, HeartbeatMetadata: &callv1.HeartbeatMetadata{
		AudioEnabled: has.Has(wire.Audio), VideoEnabled: has.Has(wire.Video), ScreenEnabled: has.Has(wire.Screen),
	}})
}

// Screen returns a keyframe of a shared screen that carries text.
func Screen(text string) []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_SCREEN, FrameType: "key", Data: []byte(text)})
}

// Sealed returns what a client sends that encrypts: size bytes of which only the envelope says,
// perhaps, what they are.
func Sealed(kind callv1.PacketWrapper_MediaKind, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = 0xff // no protobuf message
	}
	return marshal(&callv1.PacketWrapper{PacketType: callv1.PacketWrapper_MEDIA, MediaKind: kind, Data: data})
}

// Audio returns an audio packet that carries text.
func Audio(text string) []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_AUDIO, FrameType: "key", Data: []byte(text)})
}

// VideoKey returns a keyframe of the camera that carries text.
func VideoKey(text string) []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_VIDEO, FrameType: "key", Data: []byte(text)})
}

// VideoDelta returns a frame of the camera that needs earlier ones.
func VideoDelta(text string) []byte {
	return Media(&callv1.MediaPacket{MediaType: callv1.MediaPacket_VIDEO, FrameType: "delta", Data: []byte(text)})
}

// Layer returns a picture of the camera in a simulcast layer that carries text.
func Layer(layer uint32, frame, text string) []byte {
	return Picture(callv1.MediaPacket_VIDEO, layer, frame, text)
}

// Picture returns a frame, "key" or "delta", of a camera or screen in a simulcast layer.
func Picture(typ callv1.MediaPacket_MediaType, layer uint32, frame, text string) []byte {
	return marshal(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_MEDIA, SimulcastLayerId: layer,
		Data: marshal(&callv1.MediaPacket{MediaType: typ, FrameType: frame, Data: []byte(text)}),
	})
}

// Viewport says that the cameras of these sessions are shown.
func Viewport(sessions ...uint64) []byte {
	return Wrap(callv1.PacketWrapper_VIEWPORT, marshal(&callv1.ViewportPacket{SessionIds: sessions}))
}

// Prefer says which layer of the camera of a session is wanted.
func Prefer(session uint64, layer uint32) []byte {
	return Preferring(&callv1.LayerPreferencePacket_Entry{SessionId: session, DesiredLayer: layer})
}

// Preferring says which layers are wanted.
func Preferring(entries ...*callv1.LayerPreferencePacket_Entry) []byte {
	return Wrap(callv1.PacketWrapper_LAYER_PREFERENCE, marshal(&callv1.LayerPreferencePacket{Entries: entries}))
}

// KeyframeRequest asks user for a keyframe of the camera; session 0 means all of user's.
func KeyframeRequest(user string, session uint64) []byte {
	return Media(&callv1.MediaPacket{
		MediaType: callv1.MediaPacket_KEYFRAME_REQUEST, UserId: []byte(user), Data: []byte("VIDEO"), TargetSessionId: session,
	})
}

// Media wraps m as a client does: without session and, as nothing is checked, without user.
func Media(m *callv1.MediaPacket) []byte {
	return Wrap(callv1.PacketWrapper_MEDIA, marshal(m))
}

// Wrap returns a packet of the given type.
func Wrap(kind callv1.PacketWrapper_PacketType, data []byte) []byte {
	return marshal(&callv1.PacketWrapper{PacketType: kind, Data: data})
}

func marshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// Reaction returns a reaction of a kind.
func Reaction(kind string) []byte { return Wrap(callv1.PacketWrapper_REACTION, []byte(kind)) }

// Chat returns a line of chat as a client says it.
func Chat(text, ref string) []byte {
	data, err := proto.Marshal(&callv1.ChatMessage{Text: text, Ref: ref})
	if err != nil {
		panic(err)
	}
	return Wrap(callv1.PacketWrapper_CHAT, data)
}

// PositionOf returns the place of a meeting event in the log of its room, zero when packet is
// none or has none, and whether it says nothing else.
func PositionOf(packet []byte) (at media.Position, caughtUp bool) {
	var w callv1.PacketWrapper
	var m callv1.MeetingPacket
	var line callv1.ChatMessage
	if proto.Unmarshal(packet, &w) != nil {
		return media.Position{}, false
	}
	if w.PacketType == callv1.PacketWrapper_CHAT && proto.Unmarshal(w.Data, &line) == nil && !line.Past {
		return media.Position{Epoch: line.EventEpoch, Number: line.EventNumber}, false
	}
	if w.PacketType != callv1.PacketWrapper_MEETING || proto.Unmarshal(w.Data, &m) != nil {
		return media.Position{}, false
	}
	return media.Position{Epoch: m.EventEpoch, Number: m.EventNumber}, m.EventType == callv1.MeetingPacket_EVENTS_CAUGHT_UP
}

// layers returns the numbers of layers, "all" or "none".
func layers(l wire.Layers) (text string) {
	switch l {
	case 0:
		return "none"
	case wire.AllLayers:
		return "all"
	}
	for n := range uint32(wire.MaxLayer) + 1 {
		if l&wire.Only(n) != 0 {
			text += fmt.Sprint(n)
		}
	}
	return text
}

// Describe puts a packet into a few words: "joined bob", "audio hello from 3 ada".
// Session numbers are shown as names[number] where known.
func Describe(packet []byte, names map[uint64]string) string {
	var w callv1.PacketWrapper
	if err := proto.Unmarshal(packet, &w); err != nil {
		return fmt.Sprintf("malformed %x", packet)
	}
	name := func(id uint64) string {
		if n, ok := names[id]; ok {
			return n
		}
		return "?"
	}
	switch w.PacketType {
	case callv1.PacketWrapper_SESSION_ASSIGNED:
		return "assigned"
	case callv1.PacketWrapper_CONGESTION:
		return "congestion at " + string(w.UserId)
	case callv1.PacketWrapper_DOWNLINK_CONGESTION:
		return "downlink congestion"
	case callv1.PacketWrapper_LAYER_HINT:
		hint, _, ok := wire.ReadLayerHint(w.Data)
		if !ok {
			return "bad hint"
		}
		text := "wanted: video " + layers(hint.Video) + ", screen " + layers(hint.Screen)
		if hint.Plain {
			text += ", plain"
		}
		return text
	case callv1.PacketWrapper_CHAT:
		var line callv1.ChatMessage
		if proto.Unmarshal(w.Data, &line) != nil {
			return "bad line"
		}
		if line.Refusal != callv1.ChatMessage_NONE {
			return "refused: " + line.Refusal.String() + " " + line.Ref
		}
		past := ""
		if line.Past {
			past = "past "
		}
		return past + "line from " + name(w.SessionId) + ", called " + string(line.DisplayName) + ": " + line.Text
	case callv1.PacketWrapper_MEETING:
		var m callv1.MeetingPacket
		if proto.Unmarshal(w.Data, &m) != nil {
			return "bad meeting event"
		}
		switch m.EventType {
		case callv1.MeetingPacket_MEETING_STARTED:
			return "started by " + string(m.CreatorId)
		case callv1.MeetingPacket_MEETING_ENDED:
			return "ended: " + m.Message
		case callv1.MeetingPacket_PARTICIPANT_JOINED:
			return "joined " + name(m.SessionId)
		case callv1.MeetingPacket_PARTICIPANT_LEFT:
			return "left " + name(m.SessionId)
		case callv1.MeetingPacket_SESSION_REPLACED:
			return "replaced " + name(m.ReplacedSessionId) + " by " + name(m.SessionId)
		case callv1.MeetingPacket_MEDIA_REFUSED:
			return "refused: " + m.RefusalCode
		}
		return m.EventType.String()
	case callv1.PacketWrapper_MEDIA:
		var m callv1.MediaPacket
		if proto.Unmarshal(w.Data, &m) != nil {
			return "opaque from " + name(w.SessionId)
		}
		text := map[callv1.MediaPacket_MediaType]string{
			callv1.MediaPacket_AUDIO: "audio " + string(m.Data), callv1.MediaPacket_VIDEO: "video " + string(m.Data),
			callv1.MediaPacket_SCREEN: "screen " + string(m.Data), callv1.MediaPacket_HEARTBEAT: "heartbeat",
			callv1.MediaPacket_RTT: "rtt", callv1.MediaPacket_KEYFRAME_REQUEST: "keyframe for " + string(m.UserId),
		}[m.MediaType]
		if w.SimulcastLayerId > 0 && m.MediaType == callv1.MediaPacket_KEYFRAME_REQUEST {
			text += fmt.Sprintf(" layer %d", w.SimulcastLayerId)
		}
		return text + " from " + name(w.SessionId)
	}
	return w.PacketType.String() + " from " + name(w.SessionId)
}
