package rooms

import (
	"bytes"
	"time"

	"parley/api/media"
)

// Everybody hears the heartbeats of everybody: a thousand people hear 200,000 a second, nearly
// all of which repeat what is known. In a crowd
//
//	one that says something new   goes to everybody at once
//	one that repeats the last     goes along with what is written next, and once the news are
//	                              old, only as often as clients need so as not to take its
//	                              sender for gone
//
// Clients of the shared contract send one every five seconds and forget whom they did not hear of
// for fifteen. Older ones send one every second and forget after five; they are known by that. Who
// came a moment ago gets all: clients show nobody of whom they have heard nothing.
//
// Each node thins out for those who are connected to it. What is encrypted is not thinned out, as
// nobody here can tell what it says.
const (
	// DefaultCrowd is from how many members on a room is a crowd.
	DefaultCrowd = 100

	patientEvery = 9 * time.Second         // every second heartbeat of those that come every five seconds
	hastyEvery   = 2500 * time.Millisecond // every third of those that come every second

	// newsFor is how long what is new has to be repeated: newer clients do not believe at once that
	// a camera or a screen is off of which they had a picture in the last five seconds.
	newsFor = 11 * time.Second

	// reviveAfter is when the last heartbeat of a client is repeated for it, because those after it were lost
	// on their way here while its probes were not.
	reviveAfter = 11 * time.Second

	// newcomerFor is longer than it takes everybody to send a heartbeat.
	newcomerFor = 6 * time.Second

	// mostBeat bounds what is kept of each source, in bytes; what is larger goes to everybody.
	mostBeat = 4 << 10

	// lingers is how long a heartbeat waits for something that it can go along with.
	lingers = time.Second
)

// Clients whose heartbeats come at intervals of less than hasteBelow, twice in a row, are older
// ones; with one of restFrom they are not.
const (
	hasteBelow = 2 * time.Second
	restFrom   = 4 * time.Second
)

// pulse is what a node knows of the heartbeats of one source. One goroutine uses it.
type pulse struct {
	last  *media.Frame
	says  []byte    // part of last
	news  time.Time // when they last said something new
	told  time.Time // when everybody was sent one
	hasty time.Time // when those in haste were
}

// due takes a heartbeat into account. News reports whether it says something new, all whether it is
// for everybody, some whether it is for those in haste.
func (p *pulse) due(f *media.Frame, says []byte) (news, all, some bool) {
	news = p.last == nil || !bytes.Equal(p.says, says)
	if news && p.last != nil { // of those who come nothing is believed yet
		p.news = f.Received
	}
	all = news || f.Received.Sub(p.news) < newsFor || f.Received.Sub(p.told) >= patientEvery
	some = all || f.Received.Sub(p.hasty) >= hastyEvery
	p.last, p.says = f, says
	if all {
		p.told = f.Received
	}
	if some {
		p.hasty = f.Received
	}
	return news, all, some
}

// beat offers a heartbeat to everybody here who needs it. It does not block. f is not shared yet.
func (r *Room) beat(p *pulse, f *media.Frame, says []byte) {
	if !r.crowded.Load() || len(f.Wire) > mostBeat {
		*p = pulse{}
		r.fanout(f)
		return
	}
	news, all, some := p.due(f, says)
	f.Patient = !news
	thinned := uint64(0)
	for _, s := range *r.sessions.Load() {
		if s.id == f.From || s.peer.Observer {
			continue
		}
		if all || some && s.hasty.Load() || s.isNew(f.Received) {
			r.deliver(s, f)
		} else {
			thinned++
		}
	}
	r.hub.counters.Thinned.Add(thinned)
	if f.Patient && r.lingering.CompareAndSwap(false, true) {
		time.AfterFunc(lingers, r.send)
	}
}

// isNew reports whether s may not have heard of everybody yet.
func (s *Session) isNew(now time.Time) bool {
	return now.UnixNano()-s.activated.Load() < int64(newcomerFor)
}

// send makes sessions to which nothing else went get the heartbeats that wait for them.
func (r *Room) send() {
	r.lingering.Store(false)
	for _, s := range *r.sessions.Load() {
		s.out.Nudge()
	}
}

// revive repeats the last heartbeat of s where the next one does not come. Only its read goroutine
// calls it, when something else of s came.
func (s *Session) revive(now time.Time) {
	p := &s.pulse
	if p.last == nil || now.Sub(p.told) < reviveAfter {
		return
	}
	last := again(p.last, now)
	s.room.beat(p, last, p.says)
	s.room.publish(last)
}

// again returns a frame as f, received now. The stock never saw it.
func again(f *media.Frame, now time.Time) *media.Frame {
	return &media.Frame{
		From: f.From, To: f.To, Layer: f.Layer, Kind: f.Kind, Key: f.Key, Layers: f.Layers, Opaque: f.Opaque,
		Patient: f.Patient, Unknown: f.Unknown, Datagram: f.Datagram, Received: now, Wire: f.Wire,
	}
}

// rhythm is how often a client sends heartbeats. Its read goroutine uses it.
type rhythm struct {
	last  time.Time
	quick int // intervals in a row
}

// hasty takes a heartbeat into account and reports whether its sender is in haste, given whether it was.
func (t *rhythm) hasty(now time.Time, was bool) bool {
	switch since := now.Sub(t.last); {
	case since < hasteBelow:
		t.quick++
	case since >= restFrom:
		t.quick, was = 0, false
	}
	t.last = now
	return was || t.quick >= 2
}

// recrowd notes whether there is a crowd; r.mu is held.
func (r *Room) recrowd() {
	from := r.rules.Crowd
	if from == 0 {
		from = DefaultCrowd
	}
	r.crowded.Store(len(r.local)+len(r.remote) >= from)
}
