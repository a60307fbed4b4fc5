package wire

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

// AllLayers says in a hint that somebody wants every layer.
const AllLayers = math.MaxUint32

// ReadViewport returns the sessions whose cameras a receiver shows, at most [MaxChoices]: what
// comes after them is not read. It allocates no more than that whatever data declares, and
// reports false when data is no ViewportPacket.
func ReadViewport(data []byte) (sessions []uint64, ok bool) {
	for len(data) > 0 && len(sessions) < MaxChoices {
		f, rest, err := nextField(data)
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
	for range MaxChoices {
		if len(data) == 0 {
			break
		}
		f, rest, err := nextField(data)
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

// LayersWanted is the highest layer that anybody wants of the pictures of one session.
type LayersWanted struct {
	Video, Screen uint32 // or AllLayers
	// Plain says that somebody receives who knows nothing of layers, and gets the lowest alone.
	Plain bool
}

// Join returns what is enough for both.
func (w LayersWanted) Join(o LayersWanted) LayersWanted {
	return LayersWanted{max(w.Video, o.Video), max(w.Screen, o.Screen), w.Plain || o.Plain}
}

// Within reports whether o is enough for w as well.
func (w LayersWanted) Within(o LayersWanted) bool { return w.Join(o) == o }

// LayerHint tells the session publisher what is wanted of it. Between nodes, node is the one
// whose sessions want that; else it is empty.
func LayerHint(publisher uint64, w LayersWanted, node string) []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_LAYER_HINT,
		UserId:     []byte(SystemUser),
		SessionId:  publisher,
		Data: encode(&callv1.LayerHintPacket{
			Entries: []*callv1.LayerHintPacket_Entry{
				{MediaKind: callv1.LayerHintPacket_VIDEO, MaxRequestedLayer: w.Video},
				{MediaKind: callv1.LayerHintPacket_SCREEN, MaxRequestedLayer: w.Screen},
			},
			PlainReceivers: w.Plain,
			Node:           node,
		}),
	})
}

// ReadLayerHint reads the data of a hint of another node. It reports false when that is none.
func ReadLayerHint(data []byte) (w LayersWanted, node string, ok bool) {
	if len(data) > maxLayerHint {
		return w, "", false
	}
	var p callv1.LayerHintPacket
	if proto.Unmarshal(data, &p) != nil || p.Node == "" {
		return w, "", false
	}
	w = LayersWanted{Video: AllLayers, Screen: AllLayers, Plain: p.PlainReceivers}
	for _, e := range p.Entries {
		switch e.MediaKind {
		case callv1.LayerHintPacket_VIDEO:
			w.Video = e.MaxRequestedLayer
		case callv1.LayerHintPacket_SCREEN:
			w.Screen = e.MaxRequestedLayer
		}
	}
	return w, p.Node, true
}

// maxLayerHint bounds what nodes tell each other of one publisher.
const maxLayerHint = 1 << 10
