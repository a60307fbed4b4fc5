package wire

import (
	"math"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

// ReadViewport returns the sessions whose cameras a receiver shows, at most [MaxChoices]: what
// comes after them is not read. It allocates no more than that whatever data declares, and
// reports false when data is no ViewportPacket.
func ReadViewport(data []byte) (sessions []uint64, ok bool) {
	var f field
	for len(data) > 0 && len(sessions) < MaxChoices {
		rest, err := f.next(data)
		if err != nil {
			return nil, false
		}
		data = rest
		switch {
		case f.num != 1:
		case f.typ == protowire.VarintType:
			sessions = append(sessions, f.varint)
		case f.typ == protowire.BytesType: // packed
			for b := f.bytes; len(b) > 0 && len(sessions) < MaxChoices; {
				id, n := protowire.ConsumeVarint(b)
				if n < 0 {
					return nil, false
				}
				b, sessions = b[n:], append(sessions, id)
			}
		default:
			return nil, false
		}
	}
	return sessions, true
}

// LayerChoice is the simulcast layer that a receiver wants of one stream.
type LayerChoice struct {
	Session uint64
	Stream  Stream
	Layer   uint32 // at most MaxLayer
}

// ReadLayerPreference returns what a receiver wants of whom. Like ReadViewport it reads the
// first [MaxChoices] entries. Entries about layers that nobody has are left out.
func ReadLayerPreference(data []byte) (choices []LayerChoice, ok bool) {
	var f field
	for range MaxChoices {
		if len(data) == 0 {
			break
		}
		rest, err := f.next(data)
		if err != nil || f.num == 1 && f.typ != protowire.BytesType {
			return nil, false
		}
		data = rest
		if f.num != 1 {
			continue
		}
		var e callv1.LayerPreferencePacket_Entry
		if len(f.bytes) > maxLayerEntry || proto.Unmarshal(f.bytes, &e) != nil {
			return nil, false
		}
		c := LayerChoice{Session: e.SessionId, Stream: Video, Layer: e.DesiredLayer}
		switch e.MediaKind {
		case callv1.LayerPreferencePacket_ENTRY_SCREEN:
			c.Stream = Screen
		case callv1.LayerPreferencePacket_ENTRY_AUDIO:
			c.Stream = Audio
		}
		if c.Layer <= MaxLayer {
			choices = append(choices, c)
		}
	}
	return choices, true
}

// maxLayerEntry bounds one entry: three numbers, and a few more from clients to come.
const maxLayerEntry = 64

// Layers is a set of simulcast layers, one bit for each.
type Layers uint8

// AllLayers are all there can be, and what is assumed of those who say nothing.
const AllLayers Layers = 1<<(MaxLayer+1) - 1

// UpTo returns the layers up to layer, which may be beyond the highest.
func UpTo(layer uint32) Layers {
	if layer >= MaxLayer {
		return AllLayers
	}
	return 2<<layer - 1
}

// Only returns the set of one layer, which is at most MaxLayer.
func Only(layer uint32) Layers { return 1 << layer }

// Highest returns the highest layer of l; ok is false when there is none.
func (l Layers) Highest() (layer uint32, ok bool) {
	return uint32(max(0, bits.Len8(uint8(l))-1)), l != 0
}

// LayersWanted are the layers that anybody wants of the pictures of one session.
type LayersWanted struct {
	Video, Screen Layers
	// Plain says that somebody receives who knows nothing of layers, and gets the lowest alone.
	Plain bool
}

// Join returns what is enough for both.
func (w LayersWanted) Join(o LayersWanted) LayersWanted {
	return LayersWanted{w.Video | o.Video, w.Screen | o.Screen, w.Plain || o.Plain}
}

// Within reports whether o is enough for w as well.
func (w LayersWanted) Within(o LayersWanted) bool { return w.Join(o) == o }

// LayerHint tells the session publisher what is wanted of it. Between nodes, node is the one
// whose sessions want that; else it is empty.
func LayerHint(publisher uint64, w LayersWanted, node string) []byte {
	entry := func(kind callv1.LayerHintPacket_MediaKind, wanted Layers) *callv1.LayerHintPacket_Entry {
		e := &callv1.LayerHintPacket_Entry{MediaKind: kind, WantedLayers: new(uint32(wanted))}
		if e.MaxRequestedLayer, _ = wanted.Highest(); wanted == AllLayers {
			e.MaxRequestedLayer = math.MaxUint32
		}
		return e
	}
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_LAYER_HINT,
		UserId:     []byte(SystemUser),
		SessionId:  publisher,
		Data: encode(&callv1.LayerHintPacket{
			Entries: []*callv1.LayerHintPacket_Entry{
				entry(callv1.LayerHintPacket_VIDEO, w.Video), entry(callv1.LayerHintPacket_SCREEN, w.Screen),
			},
			PlainReceivers: w.Plain,
			Node:           node,
		}),
	})
}

// ReadLayerHint reads the data of a hint: what is wanted, and the node that says so, which is
// empty when it is meant for a publisher. It reports false when that is none.
func ReadLayerHint(data []byte) (w LayersWanted, node string, ok bool) {
	var p callv1.LayerHintPacket
	if len(data) > maxLayerHint || proto.Unmarshal(data, &p) != nil {
		return w, "", false
	}
	w = LayersWanted{Video: AllLayers, Screen: AllLayers, Plain: p.PlainReceivers}
	for _, e := range p.Entries {
		wanted := UpTo(e.MaxRequestedLayer)
		if e.WantedLayers != nil {
			wanted = Layers(*e.WantedLayers)
		}
		switch e.MediaKind {
		case callv1.LayerHintPacket_VIDEO:
			w.Video = wanted
		case callv1.LayerHintPacket_SCREEN:
			w.Screen = wanted
		}
	}
	return w, p.Node, true
}

// maxLayerHint bounds what nodes tell each other of one publisher.
const maxLayerHint = 1 << 10
