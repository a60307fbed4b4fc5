package nowait

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// Conn returns conn, which for a [net.TCPConn] is one that is read without telling the scheduler. Closing
// either closes both.
func Conn(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn // it is closed
	}
	c := &stream{Conn: conn, raw: raw}
	c.now = func(fd uintptr) bool {
		var again bool
		c.n, again, c.err = Read(fd, c.into)
		return !again
	}
	return c
}

type stream struct {
	net.Conn
	raw syscall.RawConn

	mu   sync.Mutex            // of the one who reads
	now  func(fd uintptr) bool // reads; made once, for a closure would be allocated
	into []byte
	n    int
	err  error
}

// SyscallConn gives access to the socket.
func (s *stream) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Read waits for something and reads what is there.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.into, s.n, s.err = p, 0, nil
	err := s.raw.Read(s.now)
	s.into = nil
	if err = cmp.Or(err, s.err); err != nil {
		return 0, s.explain(err)
	}
	if s.n == 0 {
		return 0, io.EOF
	}
	return s.n, nil
}

// explain makes an error say what package net would: others look for it.
func (s *stream) explain(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
	}
	return &net.OpError{Op: "read", Net: s.LocalAddr().Network(), Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
