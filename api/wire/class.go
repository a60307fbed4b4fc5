package wire

import (
	callv1 "parley/protobuf/call/v1"
)

// Class is what the server does with a packet from a client.
type Class uint8

// The classes.
const (
	// Malformed packets do not parse, or not alike for everybody. They are dropped: a stamp
	// would not protect their receivers.
	Malformed Class = iota
	// Forged packets claim what only the server may say. They are dropped.
	Forged
	// RTT packets go straight back to their sender, unchanged.
	RTT
	// KeyframeRequest goes to the publisher it names.
	KeyframeRequest
	// Health is what the client reports about its call; peers never see it.
	Health
	// Preference tells the server what the client wants to receive; peers never see it.
	Preference
	// MediaFrame is audio, video or a screen, readable or not.
	MediaFrame
	// Chat is a line of text for the room, which the server keeps and numbers.
	Chat
	// Message is everything else that goes to the room.
	Message
)

// Stream is what a MediaFrame belongs to.
type Stream uint8

// The streams of a session.
const (
	NoStream Stream = iota
	Audio
	Video
	Screen
)

// Info is all the server wants to know of a packet.
type Info struct {
	Class  Class
	Stream Stream // of a MediaFrame, or the one a KeyframeRequest asks for
	Layer  uint32 // simulcast layer
	Key    bool   // a MediaFrame that needs no earlier one
	Opaque bool   // a MediaFrame that neither envelope nor data explains

	Clear   bool // a MediaFrame whose data everybody can read
	Unknown bool // a MediaFrame of which nothing says what it is; it counts as video

	Beat bool // a heartbeat in the clear
	// Heartbeat is what a heartbeat in the clear says of its sender, for [ScanHeartbeat]; nil
	// when it says nothing.
	Heartbeat []byte

	Type   callv1.PacketWrapper_PacketType
	Data   []byte // of the wrapper; aliases the packet
	Target []byte // of a KeyframeRequest: the publisher's identity
	// TargetSession narrows a KeyframeRequest to one session of Target; 0 means all.
	TargetSession uint64
}

// Classify scans b once and says what it is. It does not copy and does not fail.
func Classify(b []byte) Info {
	p, err := Scan(b)
	if err != nil {
		return Info{Class: Malformed}
	}
	if p.Layer > MaxLayer {
		return Info{Class: Malformed}
	}
	info := Info{Class: Message, Type: p.Type, Data: p.Data, Layer: p.Layer}
	switch p.Type {
	case callv1.PacketWrapper_MEDIA:
		classifyMedia(&info, &p)
	case callv1.PacketWrapper_HEALTH:
		info.Class = Health
	case callv1.PacketWrapper_CHAT:
		info.Class = Chat
	case callv1.PacketWrapper_VIEWPORT, callv1.PacketWrapper_LAYER_PREFERENCE:
		info.Class = Preference
	case callv1.PacketWrapper_MEETING, callv1.PacketWrapper_SESSION_ASSIGNED,
		callv1.PacketWrapper_CONGESTION, callv1.PacketWrapper_LAYER_HINT,
		callv1.PacketWrapper_DOWNLINK_CONGESTION:
		info.Class = Forged
	}
	return info
}

func classifyMedia(info *Info, p *Packet) {
	if p.RTTProbe {
		info.Class = RTT
		return
	}
	// The clear envelope is enough when it says both what the packet is and whether it
	// starts a group of pictures; audio needs no second question.
	m, err := ScanMedia(p.Data)
	readable := err == nil && m.Type != callv1.MediaPacket_MEDIA_TYPE_UNKNOWN
	if readable {
		switch m.Type {
		case callv1.MediaPacket_RTT:
			info.Class = RTT
			return
		case callv1.MediaPacket_KEYFRAME_REQUEST:
			if len(m.UserID) > MaxUser {
				info.Class = Malformed // nobody has such a name
				return
			}
			info.Class = KeyframeRequest
			info.Target, info.TargetSession = m.UserID, m.TargetSession
			info.Stream = Video
			if string(m.Data) == "SCREEN" {
				info.Stream = Screen
			}
			return
		case callv1.MediaPacket_HEARTBEAT:
			info.Beat, info.Heartbeat = true, m.Heartbeat
			return // a Message
		}
	}
	info.Class, info.Clear = MediaFrame, readable
	info.Stream = streamOf(p.MediaKind)
	if readable {
		// Receivers go by what is inside; an envelope that says otherwise gets past nothing.
		info.Stream = streamOf(callv1.PacketWrapper_MediaKind(m.Type))
	}
	switch info.Stream {
	case NoStream:
		info.Stream, info.Opaque, info.Unknown = Video, true, true
	case Audio:
		info.Key = true
	default:
		info.Key = p.Keyframe || readable && string(m.FrameType) == "key"
		// A sender that encrypts and does not mark keyframes never starts a group we could
		// wait for.
		info.Opaque = !readable && !p.Keyframe
	}
}

// streamOf returns the stream of a kind; those of the envelope have the numbers of the types
// of media inside.
func streamOf(kind callv1.PacketWrapper_MediaKind) Stream {
	switch kind {
	case callv1.PacketWrapper_AUDIO:
		return Audio
	case callv1.PacketWrapper_VIDEO:
		return Video
	case callv1.PacketWrapper_SCREEN:
		return Screen
	}
	return NoStream
}

// These numbers are the same: else one of these is negative.
const (
	_ = -uint(callv1.PacketWrapper_VIDEO - callv1.PacketWrapper_MediaKind(callv1.MediaPacket_VIDEO))
	_ = -uint(callv1.PacketWrapper_AUDIO - callv1.PacketWrapper_MediaKind(callv1.MediaPacket_AUDIO))
	_ = -uint(callv1.PacketWrapper_SCREEN - callv1.PacketWrapper_MediaKind(callv1.MediaPacket_SCREEN))
)

// Unreliable reports whether a packet may travel as a datagram when it is small: it is no
// media, and its loss is repaired by the next one of its kind. Key exchange and meeting
// events are said once, so they take a stream.
func (i *Info) Unreliable() bool {
	switch i.Type {
	case callv1.PacketWrapper_MEDIA, callv1.PacketWrapper_MEETING, callv1.PacketWrapper_SESSION_ASSIGNED,
		callv1.PacketWrapper_RSA_PUB_KEY, callv1.PacketWrapper_AES_KEY, callv1.PacketWrapper_CHAT:
		return false
	}
	return true
}
