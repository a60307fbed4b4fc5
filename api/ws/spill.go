package ws

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"parley/api/wire"
)

// spillMost bounds what a spill keeps: a batch and the packet that ended it, and what the peer can
// make TLS say meanwhile.
const spillMost = corkBytes + wire.MaxPacket + wire.StampRoom + 64<<10

var errSpilled = errors.New("too much waits for the peer")

// spill is a TCP connection whose writes, from eager on, do not wait: what the kernel does not
// take is kept for flush. It lies beneath TLS, which cannot be interrupted.
type spill struct {
	net.Conn
	raw syscall.RawConn // nil when nothing can be written without waiting

	mu    sync.Mutex
	keeps bool
	rest  []byte
	err   error // of the first write that failed

	now     func(fd uintptr) // writes piece; made once, for a closure would be allocated
	piece   []byte
	written int
}

func newSpill(conn net.Conn) *spill {
	s := &spill{Conn: conn}
	if c, ok := conn.(syscall.Conn); ok && canWriteNow {
		s.raw, _ = c.SyscallConn() // it fails for a closed connection
	}
	s.now = func(fd uintptr) { s.written, s.err = writeNow(fd, s.piece) }
	return s
}

// eager makes writes not wait from now on.
func (s *spill) eager() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keeps = true
	return s.SetWriteDeadline(time.Time{}) // one that has passed would fail them
}

// Write sends p, or keeps what cannot be sent at once.
func (s *spill) Write(p []byte) (int, error) {
	s.mu.Lock()
	if !s.keeps {
		s.mu.Unlock()
		return s.Conn.Write(p)
	}
	defer s.mu.Unlock()
	n := len(p)
	if s.err == nil && len(s.rest) == 0 && s.raw != nil {
		s.piece, s.written = p, 0
		if err := s.raw.Control(s.now); err != nil {
			s.err = err
		}
		p, s.piece = p[s.written:], nil
	}
	if s.err == nil && len(s.rest)+len(p) > spillMost {
		s.err = errSpilled
	}
	if s.err != nil {
		return 0, s.err
	}
	if len(p) > 0 {
		s.rest = append(s.rest, p...)
	}
	return n, nil
}

// progressBytes is what the peer has to take within the timeout of a flush. What it takes of what the
// kernel holds counts as well, where the kernel says how much that is: before it takes more of us,
// 96 KiB may have to be on their way.
const progressBytes = 16 << 10

// flush sends what waits, however much that is, as long as the peer gets on: progressBytes within
// timeout. One goroutine calls it at a time.
func (s *spill) flush(timeout time.Duration) error {
	if waits, err := s.state(); !waits || err != nil {
		return err
	}
	var err error
	for err == nil {
		s.mu.Lock()
		rest := s.rest
		s.mu.Unlock()
		if len(rest) == 0 {
			return s.SetWriteDeadline(time.Time{})
		}
		if err = s.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			break
		}
		var n int
		before := s.queued()
		n, err = s.Conn.Write(rest[:min(len(rest), progressBytes)])
		if errors.Is(err, os.ErrDeadlineExceeded) && before+n-s.queued() >= progressBytes {
			err = nil // it gets on
		}
		s.mu.Lock()
		if s.rest = s.rest[n:]; len(s.rest) == 0 {
			s.rest = nil
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}

// queued returns how much the kernel holds that the peer does not have yet, in bytes; 0 where it does
// not say.
func (s *spill) queued() (n int) {
	if s.raw == nil {
		return 0
	}
	_ = s.raw.Control(func(fd uintptr) { n = unacked(fd) }) // it fails for a closed connection
	return n
}

// state reports whether something waits, and why nothing can be written any more.
func (s *spill) state() (waits bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rest) > 0, s.err
}

// SyscallConn gives access to the socket, for its options.
func (s *spill) SyscallConn() (syscall.RawConn, error) {
	if s.raw == nil {
		return nil, errors.ErrUnsupported
	}
	return s.raw, nil
}

// Listener returns l with connections that WebSockets can be written to without waiting. For TLS
// it has to be the one beneath; without TLS it is not needed.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSpill(conn), nil
}

// spillBeneath finds the spill in conn, or puts one on top.
func spillBeneath(conn net.Conn) (net.Conn, *spill) {
	for c := conn; ; {
		if s, ok := c.(*spill); ok {
			return conn, s
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			s := newSpill(conn)
			return s, s
		}
		c = inner.NetConn()
	}
}
