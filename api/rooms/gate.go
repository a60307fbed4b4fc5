package rooms

import (
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// A gate is what stands in the way of the media of one session: what is 0 for nearly all
// sessions at nearly all times. Packets load it, what changes it is rare. Its low byte is the
// sources that a host switched off.
type gate uint32

// What else a gate can say.
const (
	gateShut      gate = 0xff
	gateNoScreens gate = 1 << 8 // nobody shares a screen in this room
	gateEncrypted gate = 1 << 9 // nothing in the clear in this room
	gateCapped    gate = 1 << 10
)

// Rules are what an operator decided about the media of a room.
type Rules struct {
	NoScreens bool // nobody shares a screen
	Encrypted bool // media in the clear is refused
	NoChat    bool // nobody writes
	// NoReactions says that nobody sends reactions.
	NoReactions bool
	Kbit        int // what all members together may send in kbit/s; 0 is any
	// Session bounds what each connection may send, Room the media of all on one node together.
	// Busy bounds each connection while the node has more to do than it can.
	Session, Room, Busy Budget
	// Crowd is from how many members on heartbeats are thinned out; 0 means DefaultCrowd.
	Crowd int
}

func (r Rules) gate() (g gate) {
	if r.NoScreens {
		g |= gateNoScreens
	}
	if r.Encrypted {
		g |= gateEncrypted
	}
	if r.Kbit > 0 {
		g |= gateCapped
	}
	return g
}

// regate sets the gate of s after the room's rules or what hosts want of s changed; r.mu is
// held.
func (r *Room) regate(s *Session) {
	s.gate.Store(uint32(gate(s.silence.shut) | r.rules.gate()))
}

// Refresh asks for the rules of every room again. It does not block. Who is connected is told
// what changed for them.
func (h *Hub) Refresh() {
	h.mu.Lock()
	rooms := make([]*Room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.follow(h.rules(r.id))
	}
}

// follow goes by other rules from now on.
func (r *Room) follow(rules Rules) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.rules
	if rules == was {
		return
	}
	r.rules = rules
	r.budgets.Store(rules.budgets())
	r.recrowd()
	if rules.Session, rules.Room, rules.Busy, rules.Crowd = was.Session, was.Room, was.Busy, was.Crowd; rules == was {
		return // nothing that anybody sees
	}
	for _, s := range *r.sessions.Load() {
		r.regate(s)
	}
	r.share()
	r.fanout(control(wire.SettingsUpdated(string(r.id))))
	if rules.NoScreens && !was.NoScreens {
		// Every node says it to its own, so it need not be in the log. Whoever comes later is
		// told when they try.
		r.fanout(control(wire.HostStopScreen(string(r.id), "", "")))
		r.purge(func(media.SessionID) bool { return true }, wire.SourcesOf(wire.Screen))
	}
}

// admits reports whether a media packet of s may go to the room. Only the read goroutine of s
// calls it.
func (s *Session) admits(info *wire.Info, size int, now time.Time) bool {
	g := gate(s.gate.Load())
	if g == 0 {
		return true
	}
	if info.Unknown && size <= maxEncryptedProbe {
		if g&gateCapped != 0 {
			s.meter.rest(s, now)
		}
		return true // it may be a heartbeat, without which s would be taken for gone
	}
	var why Cause
	switch {
	case wire.Sources(g&gateShut).Has(info.Stream) && !s.paused(info.Stream, now):
		why = Silenced
	case g&gateEncrypted != 0 && info.Clear:
		s.tellRefused(wire.EncryptionRequired, now)
		why = Unencrypted
	case g&gateNoScreens != 0 && info.Stream == wire.Screen:
		s.tellRefused(wire.ScreensOff, now)
		why = ScreensOff
	case g&gateCapped != 0 && !s.metered().admits(s, info, size, now):
		why = Capped
	default:
		return true
	}
	s.refuse(why, kindOf(info))
	return false
}

// refusalEvery is how often one session is told that its media goes nowhere.
const refusalEvery = 5 * time.Second

func (s *Session) tellRefused(why wire.Refusal, now time.Time) {
	if now.Sub(s.refused[why]) >= refusalEvery {
		s.refused[why] = now
		s.out.Push(control(wire.MediaRefused(string(s.room.id), why)))
	}
}
