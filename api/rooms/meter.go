package rooms

import (
	"math/bits"
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// A cap on the bit rate of a room holds for what its members send, on all nodes together. No
// node asks another one: each member's entry in presence says which sources it sends, so
// every node comes to the same division. Sound is set aside first, for everybody who sends it,
// and what is left is divided equally between the pictures, cameras and screens alike. Who
// needs less than that leaves it unused.
//
// That is an approximation: until news of a source has crossed, some milliseconds, a room may
// be above its cap, and so it may with sound above usualSound from people without pictures.

// usualSound is what is set aside for one voice, in bytes per second: 64 kbit/s, what encoders
// of speech need and a little more.
const usualSound = 64_000 / 8

// allotment is what each member of a capped room may send, in bytes per second.
type allotment struct {
	sound     float64 // set aside for each who sends sound
	soundMost float64 // of each: the whole cap, divided
	picture   float64 // for each camera and screen
}

// allot divides kbit/s between voices and pictures.
func allot(kbit, voices, pictures int) *allotment {
	most := float64(kbit) * 1000 / 8
	a := allotment{soundMost: most / float64(max(voices, 1))}
	a.sound = min(a.soundMost, usualSound)
	a.picture = max(0, most-a.sound*float64(voices)) / float64(max(pictures, 1))
	return &a
}

// rate is what a member that sends these sources may send.
func (a *allotment) rate(sends wire.Sources) (total float64) {
	if sends.Has(wire.Audio) {
		total = a.sound
	}
	pictures := sends & wire.SourcesOf(wire.Video, wire.Screen)
	return total + a.picture*float64(bits.OnesCount8(uint8(pictures)))
}

// share divides the cap of the room anew, if it has one; r.mu is held.
func (r *Room) share() {
	if r.rules.Kbit == 0 {
		r.allotment.Store(nil)
		return
	}
	voices, pictures := 0, 0
	count := func(m *media.Member) {
		if m.Away {
			return
		}
		if m.Sends.Has(wire.Audio) {
			voices++
		}
		pictures += bits.OnesCount8(uint8(m.Sends & wire.SourcesOf(wire.Video, wire.Screen)))
	}
	for _, p := range r.local {
		count(&p.Member)
	}
	for _, m := range r.remote {
		count(&m.Member)
	}
	r.allotment.Store(allot(r.rules.Kbit, voices, pictures))
}

// sends makes known which sources s sends.
func (r *Room) sends(s *Session, sources wire.Sources) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.meter.sends = sources
	if p := r.local[s.id]; p != nil && p.Sends != sources {
		p.Sends = sources
		r.agenda.add(r.telling(p.Member))
		r.share()
	}
}

const (
	// meterBurst is how much of its rate a member may send at once: keyframes are many times
	// as large as what is between them.
	meterBurst = time.Second

	// silentAfter is how long a source that sends nothing keeps its part of the cap.
	silentAfter = 3 * time.Second

	// keyframeAgain is the time between two keyframes that a member who skips is asked for.
	keyframeAgain = time.Second
)

// meter holds one session to its part of the cap. The read goroutine of the session uses it.
//
// Sound is taken from the part of the whole session, also when nothing is left of it; pictures
// are dropped first, the upper simulcast layers before the lowest, and each stream up to its
// next keyframe. Sound is dropped only where sound alone is too much.
type meter struct {
	sends wire.Sources // as others know; Room.mu guards its writes
	seen  [media.KindCount]time.Time

	at           time.Time // of the balances
	total, sound float64   // bytes that may be sent; below 0 what was sent too much

	skipping [media.KindCount][wire.MaxLayer + 1]bool
	asked    time.Time // when a keyframe was last asked for
}

// admits takes a packet of s into account and reports whether it fits.
func (m *meter) admits(s *Session, info *wire.Info, size int, now time.Time) bool {
	m.seen[kindOfStream(info.Stream)] = now
	if !m.sends.Has(info.Stream) {
		s.room.sends(s, m.sends|wire.SourcesOf(info.Stream))
	}
	m.rest(s, now)
	a := s.room.allotment.Load()
	if a == nil {
		return true
	}
	rate := a.rate(m.sends)
	m.refill(rate, a.soundMost, now)
	fits := m.fits(info, rate*meterBurst.Seconds())
	if fits {
		m.total -= float64(size)
		if info.Stream == wire.Audio {
			m.sound -= float64(size)
			m.total = max(m.total, -rate*meterBurst.Seconds()) // pictures come back once it is over
		}
		return true
	}
	if s.congestion.lost(s.id, now) {
		s.room.hub.counters.Congestions.Add(1)
		f := control(wire.Congestion(uint64(s.id), wire.SystemUser))
		f.Datagram = true
		s.out.Push(f)
	}
	if info.Stream != wire.Audio && m.total > 0 && now.Sub(m.asked) >= keyframeAgain {
		m.asked = now
		s.askOwnKeyframe(info)
	}
	return false
}

func (m *meter) refill(rate, sound float64, now time.Time) {
	passed := meterBurst.Seconds()
	if !m.at.IsZero() {
		passed = max(0, now.Sub(m.at).Seconds())
	}
	m.at = now
	m.total = min(m.total+rate*passed, rate*meterBurst.Seconds())
	m.sound = min(m.sound+sound*passed, sound*meterBurst.Seconds())
}

// fits decides by the balances; burst is the greatest that the total can be.
func (m *meter) fits(info *wire.Info, burst float64) bool {
	if info.Stream == wire.Audio {
		return m.sound > 0
	}
	need := 0.0
	if info.Layer > 0 {
		need = burst / 2
	}
	skipping := &m.skipping[kindOfStream(info.Stream)][info.Layer]
	switch {
	case m.total <= need:
		*skipping = !info.Opaque // of those no keyframe is ever seen
	case info.Key:
		*skipping = false
	}
	return m.total > need && !*skipping
}

// metered returns what holds s to its part.
func (s *Session) metered() *meter {
	if s.meter == nil {
		s.meter = new(meter)
	}
	return s.meter
}

// rest gives up the part of sources that send nothing. Without a meter none sends.
func (m *meter) rest(s *Session, now time.Time) {
	if m == nil {
		return
	}
	sends := m.sends
	for _, stream := range []wire.Stream{wire.Audio, wire.Video, wire.Screen} {
		if now.Sub(m.seen[kindOfStream(stream)]) > silentAfter {
			sends &^= wire.SourcesOf(stream)
		}
	}
	if sends != m.sends {
		s.room.sends(s, sends)
	}
}
