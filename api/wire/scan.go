package wire

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	callv1 "parley/protobuf/call/v1"
)

// Field numbers of PacketWrapper.
const (
	fieldPacketType = 1
	fieldUserID     = 2
	fieldData       = 3
	fieldSessionID  = 4
	fieldLayer      = 5
	fieldMediaKind  = 6
	fieldKeyframe   = 100
	fieldRTTProbe   = 101
)

// ErrMalformed says that bytes are no packet that all parsers read alike.
var ErrMalformed = errors.New("wire: malformed packet")

// Packet is a view of one PacketWrapper. Its slices alias the scanned bytes.
type Packet struct {
	Type      callv1.PacketWrapper_PacketType
	MediaKind callv1.PacketWrapper_MediaKind
	Layer     uint32
	Keyframe  bool
	RTTProbe  bool
	SessionID uint64
	UserID    []byte
	Data      []byte
}

// Scan reads the envelope of b without copying. An empty b is a valid packet with all
// fields at their defaults. Unknown fields are skipped.
//
// Parsers differ in what they make of bad input: some cut wide tags, some ignore the wire
// type of a field they know, some let a group end with another number. A packet that they
// read differently could say one thing to us and another to its receivers, so Scan refuses
// all of that: tags beyond 32 bits, groups, and known fields of another wire type.
func Scan(b []byte) (Packet, error) {
	var p Packet
	var f field
	for len(b) > 0 {
		rest, err := f.next(b)
		if err != nil {
			return Packet{}, err
		}
		b = rest
		switch f.num {
		case fieldUserID:
			p.UserID = f.bytes
			err = f.expect(protowire.BytesType)
		case fieldData:
			p.Data = f.bytes
			err = f.expect(protowire.BytesType)
		case fieldPacketType:
			p.Type = callv1.PacketWrapper_PacketType(int32(f.varint))
			err = f.expect(protowire.VarintType)
		case fieldSessionID:
			p.SessionID = f.varint
			err = f.expect(protowire.VarintType)
		case fieldLayer:
			p.Layer = uint32(f.varint)
			err = f.expect(protowire.VarintType)
		case fieldMediaKind:
			p.MediaKind = callv1.PacketWrapper_MediaKind(int32(f.varint))
			err = f.expect(protowire.VarintType)
		case fieldKeyframe:
			p.Keyframe = f.varint != 0
			err = f.expect(protowire.VarintType)
		case fieldRTTProbe:
			p.RTTProbe = f.varint != 0
			err = f.expect(protowire.VarintType)
		}
		if err != nil {
			return Packet{}, err
		}
	}
	return p, nil
}

// Field numbers of MediaPacket.
const (
	fieldMediaType     = 1
	fieldMediaUserID   = 2
	fieldMediaData     = 3
	fieldFrameType     = 4
	fieldHeartbeat     = 9
	fieldTargetSession = 10
)

// Media is a view of one MediaPacket. Its slices alias the scanned bytes.
type Media struct {
	Type          callv1.MediaPacket_MediaType
	UserID        []byte
	Data          []byte
	FrameType     []byte
	Heartbeat     []byte // a HeartbeatMetadata; nil when there is none
	TargetSession uint64
}

// mediaTypes names the wire type of every field of MediaPacket by number. Ciphertext that
// happens to be a valid protobuf message almost never has these.
var mediaTypes = [...]protowire.Type{
	1: protowire.VarintType, 2: protowire.BytesType, 3: protowire.BytesType,
	4: protowire.BytesType, 5: protowire.Fixed64Type, 6: protowire.Fixed64Type,
	7: protowire.BytesType, 8: protowire.BytesType, 9: protowire.BytesType,
	10: protowire.VarintType,
}

// ScanMedia reads the data of a MEDIA packet. It fails when data is no MediaPacket, which
// under end-to-end encryption is the rule: a known field of another wire type, or a media
// type outside the contract, counts as ciphertext.
func ScanMedia(b []byte) (Media, error) {
	var m Media
	var f field
	for len(b) > 0 {
		rest, err := f.next(b)
		if err != nil {
			return Media{}, err
		}
		b = rest
		if int(f.num) < len(mediaTypes) && mediaTypes[f.num] != f.typ {
			return Media{}, ErrMalformed
		}
		switch f.num {
		case fieldMediaType:
			if f.varint > uint64(callv1.MediaPacket_KEYFRAME_REQUEST) {
				return Media{}, ErrMalformed
			}
			m.Type = callv1.MediaPacket_MediaType(int32(f.varint))
		case fieldMediaUserID:
			m.UserID = f.bytes
		case fieldMediaData:
			m.Data = f.bytes
		case fieldFrameType:
			m.FrameType = f.bytes
		case fieldHeartbeat:
			m.Heartbeat = f.bytes
		case fieldTargetSession:
			m.TargetSession = f.varint
		}
	}
	return m, nil
}

// field is one record of a protobuf message.
type field struct {
	num    uint32
	typ    protowire.Type
	varint uint64
	bytes  []byte
}

// expect fails when f has another wire type than the contract says.
func (f *field) expect(typ protowire.Type) error {
	if f.typ != typ {
		return ErrMalformed
	}
	return nil
}

// next reads the first record of b, which is not empty, and returns the rest.
func (f *field) next(b []byte) (rest []byte, err error) {
	tag, n := uint64(b[0]), 1
	if tag >= 0x80 {
		tag, n = protowire.ConsumeVarint(b)
	}
	if n < 0 || tag > math.MaxUint32 {
		return nil, ErrMalformed
	}
	b = b[n:]
	*f = field{num: uint32(tag) >> 3, typ: protowire.Type(tag & 7)}
	if f.num == 0 {
		return nil, ErrMalformed
	}
	switch f.typ {
	case protowire.VarintType:
		f.varint, n = protowire.ConsumeVarint(b)
	case protowire.BytesType:
		var size uint64
		size, n = protowire.ConsumeVarint(b)
		if n < 0 || size > math.MaxInt32 || uint64(len(b)-n) < size {
			return nil, ErrMalformed
		}
		f.bytes = b[n : n+int(size) : n+int(size)]
		n += int(size)
	case protowire.Fixed32Type:
		n = fixed(b, 4)
	case protowire.Fixed64Type:
		n = fixed(b, 8)
	default: // groups, which proto3 does not have, and types that do not exist
		n = -1
	}
	if n < 0 {
		return nil, ErrMalformed
	}
	return b[n:], nil
}

// fixed returns size when b holds as many bytes, else a negative number.
func fixed(b []byte, size int) int {
	if len(b) < size {
		return -1
	}
	return size
}

// Stamp appends the identity that the server knows to a scanned packet, so that every
// parser sees these values whatever the packet claimed before. It returns b extended; it
// allocates only when b has less than [StampRoom] spare capacity.
func Stamp(b []byte, session uint64, user string) []byte {
	b = appendBytesField(b, fieldUserID, user)
	b = append(b, fieldSessionID<<3|byte(protowire.VarintType))
	return protowire.AppendVarint(b, session)
}

// appendBytesField appends a length-delimited field whose number is below 16.
func appendBytesField(b []byte, number int, value string) []byte {
	b = append(b, byte(number)<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(len(value)))
	return append(b, value...)
}
