package ws

import (
	"cmp"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"parley/api/nowait"
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

	gauge gauge

	mu    sync.Mutex
	keeps bool
	rest  []byte
	err   error // of the first write that failed

	// Made once, for a closure would be allocated.
	now     func(fd uintptr) // writes piece
	piece   []byte
	written int

	ask     func(fd uintptr) // what the kernel knows
	view    view
	known   bool
	confine func(fd uintptr) // the kernel to holding so much unsent
	most    int
	parts   int // that it is given at a time, in bytes; 0 is all
}

// writeParts writes in parts of so many bytes.
func writeParts(fd uintptr, p []byte, size int) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		if m, err = nowait.WriteApart(fd, p[n:min(n+size, len(p))]); m == 0 {
			break
		}
		n += m
	}
	return n, err
}

func newSpill(conn net.Conn) *spill {
	s := &spill{Conn: conn}
	if c, ok := conn.(syscall.Conn); ok && nowait.Possible {
		s.raw, _ = c.SyscallConn() // it fails for a closed connection
	}
	s.now = func(fd uintptr) {
		if s.parts == 0 {
			s.written, s.err = nowait.Write(fd, s.piece)
		} else {
			s.written, s.err = writeParts(fd, s.piece, s.parts)
		}
	}
	s.ask = func(fd uintptr) { s.view, s.known = sight(fd) }
	s.confine = func(fd uintptr) { limitUnsent(fd, s.most) }
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
		if s.gauge.due(len(p) > 0) {
			s.look(len(p) > 0)
		}
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

// lookTime is how long a flush waits before it looks how much the peer has taken. As long as that is nothing
// it waits twice as long the next time.
const lookTime = gaugeTime / 2

// flush sends what waits, however much that is, as long as the peer gets on: progressBytes within
// timeout. One goroutine calls it at a time.
func (s *spill) flush(timeout time.Duration) error {
	if waits, err := s.state(); !waits || err != nil {
		return err
	}
	var err error
	late, sent, before := time.Now().Add(timeout), 0, s.taken()
	least := lookTime
	if s.raw == nil {
		least = timeout // there is nothing to look at, and TLS is of no use any more once a deadline has passed
	}
	for last, pause := before, least; err == nil; {
		s.mu.Lock()
		rest := s.rest
		s.mu.Unlock()
		if len(rest) == 0 {
			return s.SetWriteDeadline(time.Time{})
		}
		deadline := time.Now().Add(pause)
		if deadline.After(late) {
			deadline = late
		}
		if err = s.SetWriteDeadline(deadline); err != nil {
			break
		}
		var n int
		n, err = s.send(rest[:min(len(rest), progressBytes)])
		s.mu.Lock()
		if s.rest = s.rest[n:]; len(s.rest) == 0 {
			s.rest = nil
		}
		s.look(len(s.rest) > 0)
		taken := s.view.taken
		s.mu.Unlock()
		sent += n
		if pause *= 2; n > 0 || taken > last {
			pause, last = least, taken
		}
		if max(int64(sent), taken-before) >= progressBytes {
			late, sent, before = time.Now().Add(timeout), 0, taken // it gets on
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && deadline.Before(late) {
			err = nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}

// send waits until the kernel has p, or the deadline has passed.
func (s *spill) send(p []byte) (n int, err error) {
	s.mu.Lock()
	size := s.parts
	s.mu.Unlock()
	if size == 0 {
		return s.Conn.Write(p)
	}
	var failed error
	err = s.raw.Write(func(fd uintptr) bool {
		var m int
		m, failed = writeParts(fd, p[n:], size)
		n += m
		return n == len(p) || failed != nil
	})
	return n, cmp.Or(failed, err)
}

// taken returns how much the peer has confirmed, in bytes; always the same where the kernel does not say.
func (s *spill) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw != nil && s.raw.Control(s.ask) == nil && s.known {
		return s.view.taken
	}
	return 0
}

// look measures how fast the peer takes what it is sent, and sees to it that the kernel holds little of
// what a slow one will get late; mu is held.
func (s *spill) look(waits bool) {
	if s.raw == nil || s.raw.Control(s.ask) != nil || !s.known { // it fails for a closed connection
		return
	}
	var changed bool
	if s.most, changed = s.gauge.look(s.view, waits, time.Now()); !changed {
		return
	}
	_ = s.raw.Control(s.confine)
	if s.parts = s.most; s.most == unsentMost {
		s.parts = 0
	}
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

// Listener returns l with connections that WebSockets can be written to without waiting, and that are read
// as package nowait does. For TLS it has to be the one beneath.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSpill(nowait.Conn(conn)), nil
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
