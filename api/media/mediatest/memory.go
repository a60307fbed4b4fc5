package mediatest

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/api/media"
)

// Ledger remembers who is where, like the real one with meeting management on but without
// a database. The zero value is ready.
type Ledger struct {
	// Refuse is the error of Enter.
	Refuse error
	// Off answers as while meetings are not recorded: everybody is first and created it.
	Off bool
	// Silent answers as while the record does not: a guess, which knows of nobody else.
	Silent bool
	// Entering is called before anybody is recorded as there. May be nil.
	Entering func(media.Member)
	// HostEnds makes the creator's departure end the meeting.
	HostEnds bool

	mu      sync.Mutex
	rooms   map[media.RoomID]*ledgerRoom
	history []string
}

type ledgerRoom struct {
	meeting media.Meeting
	open    []media.Member
}

var _ media.Ledger = (*Ledger)(nil)

// Enter implements media.Ledger.
func (l *Ledger) Enter(_ context.Context, m media.Member) (media.Meeting, error) {
	if l.Entering != nil {
		l.Entering(m)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Refuse != nil {
		return media.Meeting{}, l.Refuse
	}
	if l.rooms == nil {
		l.rooms = make(map[media.RoomID]*ledgerRoom)
	}
	l.history = append(l.history, "enter "+m.User)
	r := l.rooms[m.Room]
	if r == nil || len(r.open) == 0 {
		r = &ledgerRoom{meeting: media.Meeting{Started: time.Now(), Creator: m.User}}
		l.rooms[m.Room] = r
	}
	if !slices.ContainsFunc(r.open, func(o media.Member) bool { return o.Session == m.Session }) {
		r.open = append(r.open, m)
	}
	if l.Off {
		return media.Meeting{Started: time.Now(), Creator: m.User, First: true, Host: m.Host}, nil
	}
	if l.Silent {
		return media.Meeting{Started: time.Now(), Creator: m.User, First: true, Guess: true, Host: m.Host}, nil
	}
	meeting := r.meeting
	meeting.First, meeting.Host = len(r.open) == 1, m.Host
	return meeting, nil
}

// Observe implements media.Ledger.
func (l *Ledger) Observe(_ context.Context, m media.Member) (media.Meeting, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Refuse != nil {
		return media.Meeting{}, false, l.Refuse
	}
	if r := l.rooms[m.Room]; r != nil && len(r.open) > 0 && !l.Silent {
		return r.meeting, true, nil
	}
	return media.Meeting{}, false, nil
}

// Exit implements media.Ledger.
func (l *Ledger) Exit(_ context.Context, m media.Member) media.Ending {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[m.Room]
	if r == nil {
		return media.Ending{}
	}
	before := len(r.open)
	r.open = slices.DeleteFunc(r.open, func(o media.Member) bool { return o.Session == m.Session })
	if len(r.open) == before {
		return media.Ending{}
	}
	l.history = append(l.history, "exit "+m.User)
	if l.HostEnds && m.User == r.meeting.Creator && len(r.open) > 0 {
		r.open = nil
		return media.Ending{Over: true, Message: "The host has ended the meeting"}
	}
	return media.Ending{Over: len(r.open) == 0}
}

// Open returns the users with an open session in room, one entry per session.
func (l *Ledger) Open(room media.RoomID) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var users []string
	if r := l.rooms[room]; r != nil {
		for _, m := range r.open {
			users = append(users, m.User)
		}
	}
	return users
}

// Reporter remembers what it was told. The zero value is ready.
type Reporter struct {
	mu      sync.Mutex
	Events  []media.SessionStats
	Packets [][]byte
}

var _ media.Reporter = (*Reporter)(nil)

func (r *Reporter) add(s media.SessionStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Events = append(r.Events, s)
}

// Connected implements media.Reporter.
func (r *Reporter) Connected(s media.SessionStats) { r.add(s) }

// Traffic implements media.Reporter.
func (r *Reporter) Traffic(s media.SessionStats) { r.add(s) }

// Disconnected implements media.Reporter.
func (r *Reporter) Disconnected(s media.SessionStats) { r.add(s) }

// Health implements media.Reporter.
func (r *Reporter) Health(packet []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Packets = append(r.Packets, packet)
}

// Health returns the health packets so far.
func (r *Reporter) HealthPackets() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.Packets)
}
