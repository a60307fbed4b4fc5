package wire

import "google.golang.org/protobuf/encoding/protowire"

// Sources is a set of streams.
type Sources uint8

// SourcesOf returns the set of the given streams.
func SourcesOf(streams ...Stream) (s Sources) {
	for _, stream := range streams {
		s |= 1 << stream
	}
	return s
}

// Has reports whether stream is in s.
func (s Sources) Has(stream Stream) bool { return s&(1<<stream) != 0 }

// Field numbers of HeartbeatMetadata.
const (
	fieldVideoEnabled  = 1
	fieldAudioEnabled  = 2
	fieldScreenEnabled = 3
)

// ScanHeartbeat reads a HeartbeatMetadata: which sources its sender has switched on; false
// when b is none. It does not copy.
func ScanHeartbeat(b []byte) (on Sources, ok bool) {
	var f field
	for len(b) > 0 {
		rest, err := f.next(b)
		if err != nil {
			return 0, false
		}
		b = rest
		var stream Stream
		switch f.num {
		case fieldVideoEnabled:
			stream = Video
		case fieldAudioEnabled:
			stream = Audio
		case fieldScreenEnabled:
			stream = Screen
		default:
			continue
		}
		if f.typ != protowire.VarintType {
			return 0, false
		}
		on &^= 1 << stream // the last one counts
		if f.varint != 0 {
			on |= 1 << stream
		}
	}
	return on, true
}
