package relaytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/api/media"
)

var _ media.Sink = (*Sink)(nil)

// Sink keeps what a relay tells it, in order.
type Sink struct {
	t      testing.TB
	calls  chan string
	inside atomic.Bool
	onTold func() // or nil
	closed atomic.Bool

	// mu guards gate. It is held by a call in progress, so that a test can hold one up.
	mu sync.Mutex
}

// NewSink returns a Sink that fails t when a relay calls it from two goroutines at a time.
func NewSink(t testing.TB) *Sink {
	return &Sink{t: t, calls: make(chan string, 1<<16)}
}

// Deliver notes "<session>: <packet>", with " (foreign)" for packets of other makes. Only
// the first bytes of long packets are kept.
func (s *Sink) Deliver(d media.Delivery) {
	foreign := ""
	if d.Foreign {
		foreign = " (foreign)"
	}
	s.note(fmt.Sprintf("%d: %s%s", d.From, d.Wire[:min(len(d.Wire), 40)], foreign))
}

// Told notes "event <number> <packet>", with " (past)" for what was there before.
func (s *Sink) Told(e media.Event) {
	past := ""
	if e.Past {
		past = " (past)"
	}
	if s.onTold != nil {
		s.onTold()
	}
	s.note(fmt.Sprintf("event %d %s%s", e.Number, e.Wire, past))
}

// OnTold makes Told call f first. It is set before anything is told.
func (s *Sink) OnTold(f func()) { s.onTold = f }

// Entered notes "entered <member>".
func (s *Sink) Entered(m media.Member) { s.note("entered " + describe(m)) }

// Left notes "left <member>".
func (s *Sink) Left(m media.Member) { s.note("left " + describe(m)) }

func describe(m media.Member) string {
	away := ""
	if m.Away {
		away = " away"
	}
	return fmt.Sprintf("%d %s@%s%s", m.Session, m.User, m.Node, away)
}

func (s *Sink) note(call string) {
	if !s.inside.CompareAndSwap(false, true) {
		s.t.Error("sink called from two goroutines at a time")
	}
	defer s.inside.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		s.t.Errorf("called after the link was closed: %s", call)
		return
	}
	s.calls <- call
}

// Hold makes the calls of the sink wait until the returned function is called.
func (s *Sink) Hold() (release func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// Next returns the next call, waiting for it if need be.
func (s *Sink) Next() string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	select {
	case call := <-s.calls:
		return call
	case <-ctx.Done():
		s.t.Fatal("sink was not called")
		return ""
	}
}

// Want fails the test unless the next calls are want, in this order.
func (s *Sink) Want(want ...string) {
	s.t.Helper()
	got := make([]string, 0, len(want))
	for range want {
		got = append(got, s.Next())
	}
	if d := cmp.Diff(want, got); d != "" {
		s.t.Fatalf("sink was told (-want +got):\n%s", d)
	}
}

// Until returns the calls up to the first that is last, without it.
func (s *Sink) Until(last string) []string {
	s.t.Helper()
	var calls []string
	for {
		call := s.Next()
		if call == last {
			return calls
		}
		calls = append(calls, call)
	}
}

// patience bounds each wait of a test for what normally takes milliseconds.
const patience = 2 * time.Minute
