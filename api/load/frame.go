package load

import (
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// frame is one encoded piece of media.
type frame struct {
	data     []byte // read only; kept until the packet is sent
	key      bool
	time     time.Duration // of the media, from the beginning of the stream
	duration time.Duration
	codec    callv1.VideoCodec
	width    uint32 // pixels; 0 when unknown
	height   uint32
}

// types are the kinds of streams as the contract numbers them.
var types = [kinds]callv1.MediaPacket_MediaType{
	wire.Audio: callv1.MediaPacket_AUDIO, wire.Video: callv1.MediaPacket_VIDEO, wire.Screen: callv1.MediaPacket_SCREEN,
}

// packer makes packets as reference clients do, in memory of its own.
type packer struct {
	user  string
	kind  wire.Stream
	layer uint32
	media []byte
	whole []byte
}

// pack returns the packet of a frame, which is good until the next call.
func (p *packer) pack(f frame, t tag) []byte {
	m := callv1.MediaPacket{
		MediaType: types[p.kind],
		UserId:    []byte(p.user),
		Data:      f.data,
		FrameType: "delta",
		Timestamp: float64(f.time.Microseconds()),
		Duration:  float64(f.duration.Microseconds()),
	}
	if f.key {
		m.FrameType = "key"
	}
	if p.kind == wire.Audio {
		m.AudioMetadata = &callv1.AudioMetadata{
			AudioNumberOfChannels: 1,
			AudioNumberOfFrames:   uint32(f.duration.Seconds() * opusRate),
			AudioSampleRate:       opusRate,
			Sequence:              t.number,
		}
	} else {
		m.VideoMetadata = &callv1.VideoMetadata{
			Sequence: t.number, Codec: f.codec, SourceWidth: f.width, SourceHeight: f.height,
		}
	}
	p.media = t.appendTo(appendMessage(p.media[:0], &m))
	p.whole = appendMessage(p.whole[:0], &callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_MEDIA,
		UserId:     m.UserId,
		Data:       p.media,
		MediaKind:  callv1.PacketWrapper_MediaKind(m.MediaType), // the same numbers
		Keyframe:   f.key && p.kind != wire.Audio,

		SimulcastLayerId: p.layer,
	})
	return p.whole
}

// opusRate is the sample rate of Opus, in Hz, whatever it was fed.
const opusRate = 48_000

func appendMessage(b []byte, m proto.Message) []byte {
	b, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		panic(err) // only invalid UTF-8 in a string field can do this, and there is none
	}
	return b
}
