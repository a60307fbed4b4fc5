package rooms

import (
	"maps"
	"math/rand/v2"
	"testing"

	"parley/api/media"
)

// A table holds what a map would.
func TestTableIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var got table[int]
	want := make(map[media.StreamID]int)
	for i := range 20_000 {
		id := media.StreamID{Session: media.SessionID(r.IntN(200)), Kind: media.Kind(r.IntN(int(media.KindCount))), Layer: uint32(r.IntN(3))}
		switch r.IntN(40) {
		case 0:
			gone := func(id media.StreamID) bool { return id.Session%7 == media.SessionID(i%7) }
			got.prune(gone)
			maps.DeleteFunc(want, func(id media.StreamID, _ int) bool { return gone(id) })
		case 1:
			if v, known := want[id]; !known && got.find(id) != nil || known && *got.find(id) != v {
				t.Fatalf("%v: want %d, %v", id, v, known)
			}
		case 2, 3, 4, 5, 6:
			*got.at(id) = i
			want[id] = i
		}
	}
	all := make(map[media.StreamID]int)
	for id, v := range got.all() {
		all[id] = *v
	}
	if len(want) == 0 || !maps.Equal(all, want) || got.used != len(want) {
		t.Errorf("%d entries, want %d", len(all), len(want))
	}
}
