package wt

import (
	"slices"
	"testing"
)

// told keeps what it is given, not a copy.
type told struct{ given [][]byte }

func (t *told) write(b []byte, _ pace) error {
	t.given = append(t.given, b)
	return nil
}

// Packets of a stream that are not large are put one behind the other, for one write; a large one is
// handed over as it is, not as a copy.
func TestLargePacketsAreNotCopied(t *testing.T) {
	write := func(packets ...[]byte) [][]byte {
		to := new(told)
		b := newBurst(pace{})
		defer b.free()
		b.to = to
		for _, p := range packets {
			if err := b.add(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		return to.given
	}
	small := make([][]byte, 50)
	for i := range small {
		small[i] = make([]byte, 1200)
	}
	if given := write(small...); len(given) != 1 || len(given[0]) != len(small)*(lengthBytes+1200) {
		t.Errorf("%d packets are handed over in %d pieces", len(small), len(given))
	}
	large := make([]byte, largePacket)
	if given := write(slices.Repeat(small, 2)...); len(given) != 2 {
		t.Errorf("%d packets are handed over in %d pieces", 2*len(small), len(given))
	}
	given := write(small[0], large, small[1])
	if len(given) != 3 || len(given[1]) != len(large) || &given[1][0] != &large[0] {
		t.Errorf("a large packet is not handed over as it is, in %d pieces", len(given))
	}
}
