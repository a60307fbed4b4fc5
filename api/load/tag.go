package load

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// tag is what a packet carries for the accounts. It is the last field of the MediaPacket, with
// a number that no version of the contract uses, so that decoders skip it and receivers here
// find it without reading what comes before.
type tag struct {
	run      uint64 // tells packets of other runs apart
	stream   uint32
	measured bool
	number   uint64 // of the packet in its stream, from 0
	due      int64  // nanoseconds since the run began
}

const (
	tagNumber = 1000
	tagBytes  = 8 + 4 + 1 + 8 + 8
	tagSize   = 2 + 1 + tagBytes // with the key and the length of a protobuf field
)

// tagPrefix is what every tag begins with.
var tagPrefix = append(protowire.AppendTag(nil, tagNumber, protowire.BytesType), tagBytes)

func (t *tag) appendTo(media []byte) []byte {
	media = append(media, tagPrefix...)
	media = binary.LittleEndian.AppendUint64(media, t.run)
	media = binary.LittleEndian.AppendUint32(media, t.stream)
	if t.measured {
		media = append(media, 1)
	} else {
		media = append(media, 0)
	}
	media = binary.LittleEndian.AppendUint64(media, t.number)
	return binary.LittleEndian.AppendUint64(media, uint64(t.due))
}

// readTag returns the tag of a MediaPacket. It does not allocate.
func readTag(media []byte) (t tag, ok bool) {
	if len(media) < tagSize {
		return tag{}, false
	}
	b := media[len(media)-tagSize:]
	if string(b[:len(tagPrefix)]) != string(tagPrefix) {
		return tag{}, false
	}
	b = b[len(tagPrefix):]
	return tag{
		run:      binary.LittleEndian.Uint64(b),
		stream:   binary.LittleEndian.Uint32(b[8:]),
		measured: b[12] == 1,
		number:   binary.LittleEndian.Uint64(b[13:]),
		due:      int64(binary.LittleEndian.Uint64(b[21:])),
	}, true
}
