package ws

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"

	"parley/api/nowait"
)

// ahead reads from a connection as much as is there, into memory that it borrows once there is
// something: a connection on which nothing arrives has no buffer. For one goroutine.
type ahead struct {
	conn   net.Conn
	secure bool            // conn has a buffer of its own
	raw    syscall.RawConn // waits without memory; nil where that cannot be

	rest []byte  // what was read and not yet taken
	lent *[]byte // from scratches, what rest is a part of; nil when there is none
	n    int     // what take read
	err  error
	take func(fd uintptr) bool // once, for it would be allocated for every read
}

func (a *ahead) init(conn net.Conn, start []byte) {
	_, a.secure = conn.(*tls.Conn)
	a.conn, a.raw, a.rest, a.take = conn, rawConn(conn), start, a.once
}

// Read waits until there is something.
func (a *ahead) Read(p []byte) (int, error) {
	switch {
	case len(a.rest) > 0:
	case a.secure || len(p) >= scratchBytes:
		return a.conn.Read(p)
	default:
		if err := a.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.rest)
	if a.rest = a.rest[n:]; len(a.rest) == 0 {
		a.rest = nil
		a.giveBack()
	}
	return n, nil
}

// fetch reads into memory that it borrows.
func (a *ahead) fetch() (err error) {
	if a.raw != nil {
		if err = a.raw.Read(a.take); err == nil {
			err = a.err
		}
	} else {
		a.lent = scratches.Get().(*[]byte)
		a.n, err = a.conn.Read(*a.lent)
	}
	if err == nil && a.n == 0 {
		err = io.EOF
	}
	if err != nil {
		a.giveBack()
		return err
	}
	a.rest = (*a.lent)[:a.n]
	return nil
}

// once reads what is there and reports whether there was something, or an end.
func (a *ahead) once(fd uintptr) bool {
	if a.lent == nil {
		a.lent = scratches.Get().(*[]byte)
	}
	var again bool
	if a.n, again, a.err = nowait.Read(fd, *a.lent); again {
		a.giveBack()
	}
	return !again
}

func (a *ahead) giveBack() {
	if a.lent != nil {
		scratches.Put(a.lent)
		a.lent = nil
	}
}
