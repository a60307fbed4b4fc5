package client

import (
	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

// Connection returns the packet by which a client says that it takes part in room. Like
// every packet that is no RTT probe it makes its session active.
func Connection(user, room string) []byte {
	return wrap(user, callv1.PacketWrapper_CONNECTION, &callv1.ConnectionPacket{MeetingId: room}, nil)
}

// Heartbeat returns the packet that tells peers every second what its sender publishes.
func Heartbeat(user string, state *callv1.HeartbeatMetadata, timestampMS float64) []byte {
	return HeartbeatWith(user, state, timestampMS, nil)
}

// HeartbeatWith is [Heartbeat] with encoded fields of the media packet that the contract does not know.
func HeartbeatWith(user string, state *callv1.HeartbeatMetadata, timestampMS float64, more []byte) []byte {
	m := &callv1.MediaPacket{
		MediaType:         callv1.MediaPacket_HEARTBEAT,
		Timestamp:         timestampMS,
		HeartbeatMetadata: state,
	}
	m.ProtoReflect().SetUnknown(more) // which are encoded last
	return media(user, m, nil)
}

// RTTProbe returns a packet that the server sends back unchanged. The timestamp is the
// sender's own and has no meaning for the server.
func RTTProbe(user string, timestampMS float64) []byte {
	return media(user, &callv1.MediaPacket{
		MediaType: callv1.MediaPacket_RTT,
		Timestamp: timestampMS,
	}, nil)
}

// Audio returns a packet with one encoded audio frame.
func Audio(user string, sequence uint64, payload []byte) []byte {
	return media(user, &callv1.MediaPacket{
		MediaType:     callv1.MediaPacket_AUDIO,
		Data:          payload,
		FrameType:     "key",
		AudioMetadata: &callv1.AudioMetadata{Sequence: sequence},
	}, &callv1.PacketWrapper{MediaKind: callv1.PacketWrapper_AUDIO})
}

// Video returns a packet with one encoded frame of the camera in a simulcast layer.
func Video(user string, sequence uint64, layer uint32, key bool, payload []byte) []byte {
	return picture(user, callv1.MediaPacket_VIDEO, callv1.PacketWrapper_VIDEO, sequence, layer, key, payload)
}

// Screen returns a packet with one encoded frame of a shared screen.
func Screen(user string, sequence uint64, layer uint32, key bool, payload []byte) []byte {
	return picture(user, callv1.MediaPacket_SCREEN, callv1.PacketWrapper_SCREEN, sequence, layer, key, payload)
}

func picture(
	user string, typ callv1.MediaPacket_MediaType, kind callv1.PacketWrapper_MediaKind,
	sequence uint64, layer uint32, key bool, payload []byte,
) []byte {
	frame := "delta"
	if key {
		frame = "key"
	}
	return media(user, &callv1.MediaPacket{
		MediaType: typ,
		Data:      payload,
		FrameType: frame,
		VideoMetadata: &callv1.VideoMetadata{
			Sequence: sequence,
			Codec:    callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT,
		},
	}, &callv1.PacketWrapper{MediaKind: kind, SimulcastLayerId: layer, Keyframe: key})
}

// KeyframeRequest returns the packet by which user asks the publisher for a keyframe of its
// camera, or of its screen.
func KeyframeRequest(user, publisher string, screen bool) []byte {
	stream := "VIDEO"
	if screen {
		stream = "SCREEN"
	}
	p := &callv1.MediaPacket{
		MediaType: callv1.MediaPacket_KEYFRAME_REQUEST,
		UserId:    []byte(publisher),
		Data:      []byte(stream),
	}
	return wrap(user, callv1.PacketWrapper_MEDIA, p, nil)
}

// LayerPreference returns the packet that asks the server for one layer of the cameras of some
// sessions. It takes the place of what the same session asked for before.
func LayerPreference(user string, layer uint32, sessions ...uint64) []byte {
	p := new(callv1.LayerPreferencePacket)
	for _, id := range sessions {
		p.Entries = append(p.Entries, &callv1.LayerPreferencePacket_Entry{
			SessionId: id, DesiredLayer: layer, MediaKind: callv1.LayerPreferencePacket_ENTRY_VIDEO,
		})
	}
	return wrap(user, callv1.PacketWrapper_LAYER_PREFERENCE, p, nil)
}

// Parse reads a received packet, and its MediaPacket when it carries one in the clear.
func Parse(packet []byte) (*callv1.PacketWrapper, *callv1.MediaPacket, error) {
	w := new(callv1.PacketWrapper)
	if err := proto.Unmarshal(packet, w); err != nil {
		return nil, nil, err
	}
	if w.PacketType != callv1.PacketWrapper_MEDIA {
		return w, nil, nil
	}
	m := new(callv1.MediaPacket)
	if proto.Unmarshal(w.Data, m) != nil {
		return w, nil, nil //nolint:nilerr // ciphertext is no error
	}
	return w, m, nil
}

func media(user string, m *callv1.MediaPacket, envelope *callv1.PacketWrapper) []byte {
	m.UserId = []byte(user)
	return wrap(user, callv1.PacketWrapper_MEDIA, m, envelope)
}

// wrap puts m into envelope, or into a new one.
func wrap(user string, typ callv1.PacketWrapper_PacketType, m proto.Message, envelope *callv1.PacketWrapper) []byte {
	if envelope == nil {
		envelope = new(callv1.PacketWrapper)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err) // only invalid UTF-8 in a string field can do this
	}
	envelope.PacketType, envelope.UserId, envelope.Data = typ, []byte(user), data
	b, err := proto.Marshal(envelope)
	if err != nil {
		panic(err)
	}
	return b
}
