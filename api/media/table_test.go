package media

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// A table holds what a map would.
func TestTableIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var got table[int]
	want := make(map[StreamID]int)
	for i := range 20_000 {
		id := StreamID{SessionID(r.IntN(200)), Kind(r.IntN(int(kinds))), uint32(r.IntN(3))}
		switch r.IntN(40) {
		case 0:
			gone := func(id StreamID) bool { return id.Session%7 == SessionID(i%7) }
			got.prune(gone)
			maps.DeleteFunc(want, func(id StreamID, _ int) bool { return gone(id) })
		case 1:
			if v, known := want[id]; !known && got.find(id) != nil || known && *got.find(id) != v {
				t.Fatalf("%v: want %d, %v", id, v, known)
			}
		case 2, 3, 4, 5, 6:
			*got.at(id) = i
			want[id] = i
		}
	}
	all := make(map[StreamID]int)
	for id, v := range got.all() {
		all[id] = *v
	}
	if len(want) == 0 || !maps.Equal(all, want) || got.used != len(want) {
		t.Errorf("%d entries, want %d", len(all), len(want))
	}
}
