package wire_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

func TestReadViewport(t *testing.T) {
	packed := marshal(t, &callv1.ViewportPacket{SessionIds: []uint64{3, 1 << 63, 0}})
	single := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 9)
	for _, test := range []struct {
		data []byte
		want []uint64
		ok   bool
	}{
		{nil, nil, true},
		{packed, []uint64{3, 1 << 63, 0}, true},
		{append(slices.Clone(packed), single...), []uint64{3, 1 << 63, 0, 9}, true},
		{[]byte{1<<3 | 2, 1, 0x80}, nil, false},                   // a number without an end
		{[]byte{1<<3 | 1, 1, 2, 3, 4, 5, 6, 7, 8}, nil, false},    // of another type
		{[]byte{0xff}, nil, false},                                // no field
		{append([]byte{7 << 3, 1}, single...), []uint64{9}, true}, // a field of newer clients
	} {
		got, ok := wire.ReadViewport(test.data)
		if ok != test.ok || !slices.Equal(got, test.want) {
			t.Errorf("%x: %v %v, want %v %v", test.data, got, ok, test.want, test.ok)
		}
	}
}

func TestReadLayerPreference(t *testing.T) {
	type entry = callv1.LayerPreferencePacket_Entry
	data := marshal(t, &callv1.LayerPreferencePacket{Entries: []*entry{
		{SessionId: 1, DesiredLayer: 2},
		{SessionId: 2, DesiredLayer: 0, MediaKind: callv1.LayerPreferencePacket_ENTRY_SCREEN},
		{SessionId: 3, DesiredLayer: 1, MediaKind: callv1.LayerPreferencePacket_ENTRY_AUDIO},
		{SessionId: 4, DesiredLayer: wire.MaxLayer + 1},
		{SessionId: 5, DesiredLayer: wire.MaxLayer, MediaKind: callv1.LayerPreferencePacket_ENTRY_VIDEO},
	}})
	got, ok := wire.ReadLayerPreference(data)
	want := []wire.LayerChoice{
		{Session: 1, Stream: wire.Video, Layer: 2}, {Session: 2, Stream: wire.Screen}, {Session: 3, Stream: wire.Audio, Layer: 1}, {Session: 5, Stream: wire.Video, Layer: wire.MaxLayer},
	}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, ok)
	}
	if _, ok := wire.ReadLayerPreference([]byte{1<<3 | 2, 2, 0xff, 0xff}); ok {
		t.Error("an entry that is none was read")
	}
	if _, ok := wire.ReadLayerPreference([]byte{1 << 3, 2}); ok {
		t.Error("a number was read as an entry")
	}
}

// What a client declares is read up to a limit, and costs no more than that.
func TestChoicesAreCapped(t *testing.T) {
	viewport := marshal(t, &callv1.ViewportPacket{SessionIds: make([]uint64, 1_000_000)})
	entry := append(protowire.AppendTag(nil, 1, protowire.BytesType), 2, 1<<3, 7)
	layers := bytes.Repeat(entry, 500_000)
	if got, ok := wire.ReadViewport(viewport); !ok || len(got) != wire.MaxChoices {
		t.Errorf("%d sessions are shown", len(got))
	}
	if got, ok := wire.ReadLayerPreference(layers); !ok || len(got) != wire.MaxChoices {
		t.Errorf("%d layers are chosen", len(got))
	}
	if n := testing.AllocsPerRun(10, func() {
		wire.ReadViewport(viewport)
		wire.ReadLayerPreference(layers)
	}); n > 2*wire.MaxChoices {
		t.Errorf("reading %d bytes takes %v allocations", len(viewport)+len(layers), n)
	}
}

func FuzzReadChoices(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		shown, _ := wire.ReadViewport(b)
		layers, _ := wire.ReadLayerPreference(b)
		if len(shown) > wire.MaxChoices || len(layers) > wire.MaxChoices {
			t.Errorf("%d shown, %d layers", len(shown), len(layers))
		}
		for _, c := range layers {
			if c.Layer > wire.MaxLayer || c.Stream == wire.NoStream {
				t.Errorf("%v", c)
			}
		}
		wire.ReadLayerHint(b)
	})
}

func TestLayerHint(t *testing.T) {
	said := wire.LayersWanted{Video: wire.Only(0) | wire.Only(2), Screen: wire.AllLayers, Plain: true}
	b := wire.LayerHint(7, said, "node-a")
	info := wire.Classify(b)
	if info.Class != wire.Forged || info.Type != callv1.PacketWrapper_LAYER_HINT {
		t.Errorf("a hint is %v", info)
	}
	if got, node, ok := wire.ReadLayerHint(info.Data); !ok || got != said || node != "node-a" {
		t.Errorf("%v %q %v", got, node, ok)
	}
	var hint callv1.LayerHintPacket
	if err := proto.Unmarshal(info.Data, &hint); err != nil || hint.Entries[0].MaxRequestedLayer != 2 || hint.Entries[1].MaxRequestedLayer != math.MaxUint32 {
		t.Errorf("to clients that know the highest layer alone it says %v, %v", &hint, err)
	}
	if got, _, ok := wire.ReadLayerHint(wire.Classify(wire.LayerHint(7, wire.LayersWanted{}, "")).Data); !ok || got != (wire.LayersWanted{}) {
		t.Errorf("nothing is read as %v", got)
	}
	other := marshal(t, &callv1.LayerHintPacket{Entries: []*callv1.LayerHintPacket_Entry{{MediaKind: callv1.LayerHintPacket_VIDEO, MaxRequestedLayer: 1}}})
	if got, _, _ := wire.ReadLayerHint(other); got != (wire.LayersWanted{Video: wire.UpTo(1), Screen: wire.AllLayers}) {
		t.Errorf("the hint of another server is %v", got)
	}
	more := wire.LayersWanted{Video: wire.Only(1)}
	if j := said.Join(more); j.Video != wire.UpTo(2) || !j.Plain || !said.Within(j) || !more.Within(j) || j.Within(said) {
		t.Errorf("together they want %v", j)
	}
}
