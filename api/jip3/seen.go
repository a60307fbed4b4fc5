package jip3

import (
	"cmp"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/telemetry"
)

const (
	// keptUnreadable is how many unreadable events are kept, and keptBytes how much of each:
	// enough to see what a node means that speaks something new.
	keptUnreadable = 100
	keptBytes      = 512
)

// Connected is a node that is connected.
type Connected struct {
	Session    telemetry.SessionID `json:"session,string"`
	Peer       string              `json:"peer"` // as it claims
	Remote     string              `json:"remote"`
	Version    uint8               `json:"version"`
	Name       string              `json:"name"`    // of its implementation
	Since      time.Time           `json:"since"`   // when it introduced itself
	Events     uint64              `json:"events"`  // received
	Limited    uint64              `json:"limited"` // of these, beyond its rate
	Unreadable uint64              `json:"unreadable"`
}

// Unreadable is an event that could not be read.
type Unreadable struct {
	Received time.Time           `json:"received"`
	Session  telemetry.SessionID `json:"session,string"`
	Seq      uint64              `json:"seq"`
	Size     int                 `json:"size"`  // of the event
	Bytes    string              `json:"bytes"` // its first ones, in hexadecimal digits
	Why      string              `json:"why"`
}

// seen is what the server remembers for whoever looks at it.
type seen struct {
	mu         sync.Mutex
	nodes      map[*session]Connected
	unreadable []Unreadable // a ring once it is full
	next       int
}

// tally is what a session counts for others to see.
type tally struct{ events, limited, unreadable atomic.Uint64 }

func (s *seen) enter(c *session, who Connected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes == nil {
		s.nodes = make(map[*session]Connected)
	}
	s.nodes[c] = who
}

func (s *seen) leave(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.nodes, c)
}

// keep remembers an unreadable event, and forgets the oldest for it.
func (s *seen) keep(c *session, message []byte, err error) {
	u := Unreadable{
		Received: c.in.received, Session: c.feed.ID(), Seq: c.seq, Size: len(message),
		Bytes: hex.EncodeToString(message[:min(len(message), keptBytes)]), Why: err.Error(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unreadable) < keptUnreadable {
		s.unreadable = append(s.unreadable, u)
		return
	}
	s.unreadable[s.next] = u
	s.next = (s.next + 1) % keptUnreadable
}

// Connected lists the nodes that are connected, the longest first.
func (s *Server) Connected() []Connected {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	all := make([]Connected, 0, len(s.seen.nodes))
	for c, who := range s.seen.nodes {
		who.Events, who.Limited, who.Unreadable = c.tally.events.Load(), c.tally.limited.Load(), c.tally.unreadable.Load()
		all = append(all, who)
	}
	slices.SortFunc(all, func(a, b Connected) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Session, b.Session))
	})
	return all
}

// Unreadable lists the last events that could not be read, the oldest first.
func (s *Server) Unreadable() []Unreadable {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	return slices.Concat([]Unreadable{}, s.seen.unreadable[s.seen.next:], s.seen.unreadable[:s.seen.next])
}
