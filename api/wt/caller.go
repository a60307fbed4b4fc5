package wt

import (
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// caller is one QUIC connection. To the library it is busy as soon as a stream for a request is
// there; a peer that never says what it wants would keep it for ever.
type caller struct {
	quic     *quic.Conn
	patience time.Duration // how long it may want nothing
	asks     atomic.Int32  // requests, and sessions, that go on
	since    atomic.Int64  // Unix ns; when the last of them ended, or the connection began
}

func newCaller(conn *quic.Conn, patience time.Duration) *caller {
	c := &caller{quic: conn, patience: shortened(patience)}
	c.since.Store(time.Now().UnixNano())
	return c
}

// ask notes that all of a request's headers are there, or that a session begins. It returns what
// ends it.
func (c *caller) ask() (end func()) {
	proven(c.quic) // nobody else could have sent it
	c.asks.Add(1)
	return func() {
		c.since.Store(time.Now().UnixNano())
		c.asks.Add(-1)
	}
}

// look closes a connection that has wanted nothing for too long.
func (c *caller) look(now time.Time) {
	if c.asks.Load() == 0 && now.Sub(time.Unix(0, c.since.Load())) > c.patience {
		_ = c.quic.CloseWithError(noError, "idle")
	}
}

// call adds a connection to those that are looked after, until hangUp.
func (s *Server) call(conn *quic.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers[conn] = newCaller(conn, s.opt.Request)
}

func (s *Server) hangUp(conn *quic.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.callers, conn)
}

// caller returns what is known of a connection that is served.
func (s *Server) caller(conn *quic.Conn) *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callers[conn]
}
