package rooms

import (
	"iter"
	"math/rand/v2"

	"parley/api/media"
)

// table is a map from streams, for fan-out: that looks up something of every receiver, none of
// which is in the caches of the processor. Here it lies where it is looked for, and mostly in one
// line of them. The zero value is empty.
type table[V any] struct {
	places []entry[V] // a power of two, at least half of them free
	used   int
}

type entry[V any] struct {
	session media.SessionID
	layer   uint32
	kind    media.Kind
	taken   bool
	value   V
}

func (e *entry[V]) of() media.StreamID {
	return media.StreamID{Session: e.session, Kind: e.kind, Layer: e.layer}
}

// tableSeed keeps clients from choosing numbers that fall on each other.
var tableSeed = rand.Uint64() | 1

// place returns where id is, or the free place where it would be; t is not empty.
func (t *table[V]) place(id media.StreamID) *entry[V] {
	mask := uint64(len(t.places) - 1)
	at := (uint64(id.Session) ^ uint64(id.Kind)<<8 ^ uint64(id.Layer)) * tableSeed >> 32
	for ; ; at++ {
		e := &t.places[at&mask]
		if !e.taken || e.session == id.Session && e.layer == id.Layer && e.kind == id.Kind {
			return e
		}
	}
}

// find returns what is known of id, or nil. It is good until the next call of at or prune.
func (t *table[V]) find(id media.StreamID) *V {
	if t.used == 0 {
		return nil
	}
	if e := t.place(id); e.taken {
		return &e.value
	}
	return nil
}

// at is find that begins with the zero value when nothing is known.
func (t *table[V]) at(id media.StreamID) *V {
	if v := t.find(id); v != nil {
		return v
	}
	if 2*(t.used+1) > len(t.places) {
		t.build(max(4, 2*len(t.places)), func(*entry[V]) bool { return true })
	}
	t.used++
	e := t.place(id)
	e.session, e.layer, e.kind, e.taken = id.Session, id.Layer, id.Kind, true
	return &e.value
}

// all yields everything that is known, in any order. Nothing is added or taken out meanwhile.
func (t *table[V]) all() iter.Seq2[media.StreamID, *V] {
	return func(yield func(media.StreamID, *V) bool) {
		for i := range t.places {
			if e := &t.places[i]; e.taken && !yield(e.of(), &e.value) {
				return
			}
		}
	}
}

// prune forgets some streams.
func (t *table[V]) prune(gone func(media.StreamID) bool) {
	for id := range t.all() {
		if gone(id) {
			t.build(len(t.places), func(e *entry[V]) bool { return !gone(e.of()) })
			return
		}
	}
}

// build makes room for size entries and takes over those that stay.
func (t *table[V]) build(size int, stays func(*entry[V]) bool) {
	old := t.places
	t.places, t.used = make([]entry[V], size), 0
	for i := range old {
		if e := &old[i]; e.taken && stays(e) {
			*t.place(e.of()) = *e
			t.used++
		}
	}
}
