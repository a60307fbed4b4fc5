package telemetry

import "testing"

func TestOpeningsAreFoundUntilThereIsNoRoom(t *testing.T) {
	var o openings
	if _, _, ok := o.find(0); ok {
		t.Error("found in nothing")
	}
	const n = 3*maxOpen + 7
	for i := range uint64(n) {
		o.add(2*i, int64(i), uint16(i))
		o.add(i, 0, 0) // not in its order
	}
	for i := range uint64(n) {
		at, kind, ok := o.find(2 * i)
		if want := i >= n-maxOpen; ok != want || ok && (at != int64(i) || kind != uint16(i)) {
			t.Fatalf("%d: %d %d %t", i, at, kind, ok)
		}
		if _, _, ok := o.find(2*i + 1); ok {
			t.Fatalf("%d was never there", 2*i+1)
		}
	}
}
