package rooms_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// viewer is a receiver of three layers of one camera, and what has to be true of it.
type viewer struct {
	*rapid.T
	crowd *rooms.Crowd
	now   time.Time

	layer   uint32 // that it wants
	chosen  bool
	shown   bool
	settled bool // it got a keyframe of the layer it wants since it said so

	sent [3]uint64 // frames of each layer
	last [3]uint64 // number of the last one that came
}

// frames sends one frame of each layer, and checks what comes of them.
func (v *viewer) frames(keys [3]bool) {
	v.now = v.now.Add(33 * time.Millisecond)
	for layer := range uint32(3) {
		v.sent[layer]++
		v.crowd.Fanout(&media.Frame{
			From: 1, Kind: media.Video, Layer: layer, Layers: 0b111, Key: keys[layer],
			Received: v.now, Wire: []byte{byte(v.sent[layer])},
		})
	}
	got := v.crowd.Gets()
	only := v.settled
	for _, f := range got {
		switch {
		case !v.shown:
			v.Fatalf("layer %d of a camera that is not shown", f.Layer)
		case !f.Key && v.last[f.Layer] != v.sent[f.Layer]-1:
			v.Fatalf("frame %d of layer %d needs those after %d", v.sent[f.Layer], f.Layer, v.last[f.Layer])
		case only && f.Layer != v.layer:
			v.Fatalf("layer %d, wanted is %d", f.Layer, v.layer)
		}
		v.last[f.Layer] = v.sent[f.Layer]
	}
	if only && len(got) != 1 {
		v.Fatalf("%d frames of layer %d", len(got), v.layer)
	}
	v.settled = v.settled || v.chosen && v.shown && keys[v.layer]
}

func TestAnySequenceOfWishesIsDecodable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := &viewer{T: t, crowd: rooms.NewCrowd(1), now: time.Now(), shown: true}
		v.crowd.Instances()
		v.frames([3]bool{true, true, true})
		t.Repeat(map[string]func(*rapid.T){
			"frames": func(t *rapid.T) {
				v.frames([3]bool{rapid.Bool().Draw(t, "key 0"), rapid.Bool().Draw(t, "key 1"), rapid.Bool().Draw(t, "key 2")})
			},
			"deltas": func(*rapid.T) { v.frames([3]bool{}) },
			"prefer": func(t *rapid.T) {
				layer := rapid.Uint32Range(0, 2).Draw(t, "layer")
				if !v.chosen || layer != v.layer {
					v.settled = false
				}
				v.layer, v.chosen = layer, true
				v.crowd.Says(mediatest.Prefer(1, layer))
			},
			"want all": func(*rapid.T) {
				v.chosen, v.settled = false, false
				v.crowd.Says(mediatest.Preferring())
			},
			"hide": func(*rapid.T) {
				v.shown, v.settled = false, false
				v.crowd.Says(mediatest.Viewport(99))
			},
			"show": func(*rapid.T) {
				v.shown = true
				v.crowd.Says(mediatest.Viewport(1))
			},
		})
	})
}
