// Package places bounds how many connections there are, and how many from one place: whoever
// opens thousands and says nothing, or never finishes a handshake, keeps nobody else out.
//
// A place is an IPv4 address, or an IPv6 network of 64 bits, which is what one customer of a
// provider has. This machine and trusted networks, where proxies are that speak for many, are
// bounded by the total alone.
//
// Connections of a listener that say nothing end one by one, so that a crowd of them is none for long.
package places

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Why a connection is not taken.
var (
	ErrFull    = errors.New("there are too many connections")
	ErrCrowded = errors.New("there are too many connections from this address")
)

// Options bound a [Places]. Numbers are at least 1.
type Options struct {
	Total   int            // connections from anywhere
	Each    int            // connections from one place
	Trusted []netip.Prefix // networks whose places are not bounded, such as that of a proxy
}

// Places counts connections by where they come from. Any goroutine may use it.
type Places struct {
	opt           Options
	full, crowded atomic.Uint64

	mu    sync.Mutex
	total int
	all   map[netip.Addr]int
}

// New returns a Places without connections.
func New(o Options) *Places { return &Places{opt: o, all: make(map[netip.Addr]int)} }

// of returns the place that an address is in.
func of(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func (p *Places) unbounded(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(p.opt.Trusted, func(n netip.Prefix) bool { return n.Contains(a) })
}

// Enter counts a connection until leave is called, which may be done more than once. It does not
// block. The error is [ErrFull] or [ErrCrowded].
func (p *Places) Enter(from net.Addr) (leave func(), err error) {
	a := address(from)
	at := of(a)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.total >= p.opt.Total:
		p.full.Add(1)
		return nil, ErrFull
	case p.all[at] >= p.opt.Each && !p.unbounded(a):
		p.crowded.Add(1)
		return nil, ErrCrowded
	}
	p.total++
	p.all[at]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.total--
		if p.all[at]--; p.all[at] == 0 {
			delete(p.all, at)
		}
	}), nil
}

// address returns the address of a peer; not valid when it has none.
func address(a net.Addr) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	at, _ := netip.ParseAddrPort(a.String()) // zero when it is none
	return at.Addr()
}

// Stats are what a Places has counted.
type Stats struct {
	Connections   int    // that there are
	Full, Crowded uint64 // that were not taken, by reason
}

// Stats returns the numbers of p.
func (p *Places) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Connections: p.total, Full: p.full.Load(), Crowded: p.crowded.Load()}
}

// Listener returns l without the connections that are too many: those are closed at once. The read deadlines
// of the others are up to a third of the time sooner than they are set.
func (p *Places) Listener(l net.Listener) net.Listener { return &listener{l, p} }

type listener struct {
	net.Listener
	places *Places
}

// Accept waits for the next connection that may be there.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, err := l.places.Enter(c.RemoteAddr())
		if err != nil {
			_ = c.Close()
			continue
		}
		return &conn{c, leave}, nil
	}
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	leave func()
}

// NetConn returns the connection beneath.
func (c *conn) NetConn() net.Conn { return c.Conn }

// SetReadDeadline bounds how long is waited for the peer, and takes up to a third off: thousands that came
// together and say nothing would end together, and come again together, and whoever comes then waits
// until all of them are through. SetDeadline is exact.
func (c *conn) SetReadDeadline(t time.Time) error {
	if third := time.Until(t) / 3; third > 0 {
		t = t.Add(-rand.N(third))
	}
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
