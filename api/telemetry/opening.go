package telemetry

import "sort"

// maxOpen is how many events of a session, the last, are remembered as beginnings of
// something: ten seconds of a busy one, in 9 KiB.
const maxOpen = 512

// openings are events that others continue, by ascending numbers: rings once they are full,
// of which the columns are apart because a row of them would be a third padding.
type openings struct {
	seqs  []uint64
	at    []int64 // microseconds since 1970
	kinds []uint16
	first int // where the oldest is
}

// add remembers an event, and forgets the oldest when there is no room. One that does not come
// in the order of its number is not remembered.
func (o *openings) add(seq uint64, at int64, kind uint16) {
	n := len(o.seqs)
	if n > 0 && seq <= o.seqs[(o.first+n-1)%n] {
		return
	}
	if n < maxOpen {
		o.seqs, o.at, o.kinds = append(o.seqs, seq), append(o.at, at), append(o.kinds, kind)
		return
	}
	o.seqs[o.first], o.at[o.first], o.kinds[o.first] = seq, at, kind
	o.first = (o.first + 1) % maxOpen
}

// find returns what is remembered of an event.
func (o *openings) find(seq uint64) (at int64, kind uint16, ok bool) {
	n := len(o.seqs)
	i := sort.Search(n, func(i int) bool { return o.seqs[(o.first+i)%n] >= seq })
	if i == n {
		return 0, 0, false
	}
	i = (o.first + i) % n
	return o.at[i], o.kinds[i], o.seqs[i] == seq
}
