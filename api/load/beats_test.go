package load

import (
	"testing"
	"time"
)

// company returns a receiver and somebody whose heartbeats it hears.
func company() (p, other *participant) {
	m := &room{run: &run{clock: newClock()}}
	p, other = &participant{room: m}, &participant{room: m, index: 1}
	m.members = []*participant{p, other}
	p.heard = make([]beat, 2)
	other.since.Store(1)
	return p, other
}

func TestBooksOfHeartbeats(t *testing.T) {
	p, other := company()
	at := time.Duration(0)
	beat := func(measured, arrives bool) {
		at += 5 * time.Second
		n := other.beats.assign(measured)
		if arrives {
			p.hear(tag{stream: beatStream + 1, number: n, measured: measured}, at)
		}
	}
	beat(false, true)
	beat(false, false)
	beat(true, true)
	for range 3 {
		beat(true, false)
		beat(true, true)
	}
	beat(true, false)
	beat(true, false)
	beat(true, true) // 15 s later
	p.hear(tag{stream: beatStream + 1, number: 3, measured: true}, at)
	beat(true, false)
	beat(false, false)
	p.closeBeats(at + time.Second)
	if want := (Heartbeats{Expected: 11, Delivered: 5, Thinned: 4, Lost: 2, Gone: 1}); p.heartbeats != want {
		t.Errorf("%+v, want %+v", p.heartbeats, want)
	}
}

func TestWhoIsNeverHeardOfIsUnseen(t *testing.T) {
	p, other := company()
	other.beats.assign(true)
	p.since.Store(int64(time.Second))
	p.closeBeats(10 * time.Second)
	if p.heartbeats.Unseen != 0 {
		t.Error("unseen before there was time to be seen")
	}
	p.closeBeats(time.Minute)
	if want := (Heartbeats{Unseen: 1}); p.heartbeats != want {
		t.Errorf("%+v, want %+v", p.heartbeats, want)
	}
}
