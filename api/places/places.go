// Package places bounds how many connections there are, and how many from one place: whoever
// opens thousands and says nothing, or never finishes a handshake, keeps nobody else out.
//
// A place is an IPv4 address, or an IPv6 network of 64 bits, which is what one customer of a
// provider has. This machine and trusted networks, where proxies are that speak for many, are
// bounded by the total alone.
//
// Connections of a listener that say nothing end one by one, so that a crowd of them is none for long.
// Those that end before they asked for anything are counted.
//
// Over UDP, what may begin a connection is bounded for each port and each place, but for trusted networks, before
// anything is answered. Only Linux has a way to ask for that.
package places

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
	tcp, udp      atomic.Uint64 // connections that ended without asking for anything
	hellos        *hellos

	mu    sync.Mutex
	total int
	all   map[netip.Addr]int
}

// New returns a Places without connections.
func New(o Options) *Places {
	return &Places{opt: o, all: make(map[netip.Addr]int), hellos: newHellos()}
}

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
	return a.IsLoopback() || p.trusted(a)
}

func (p *Places) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(p.opt.Trusted, func(n netip.Prefix) bool { return n.Contains(a) })
}

// place is what one connection has.
type place struct {
	at    netip.Addr
	vain  *atomic.Uint64 // counts it if it ends without asking for anything
	asked atomic.Bool
	left  atomic.Bool
}

// enter counts a connection until it leaves.
func (p *Places) enter(from net.Addr) (*place, error) {
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
	vain := &p.tcp
	if from != nil && strings.HasPrefix(from.Network(), "udp") {
		vain = &p.udp
	}
	return &place{at: at, vain: vain}, nil
}

// leave gives back what enter took, once.
func (p *Places) leave(l *place) {
	if l.left.Swap(true) {
		return
	}
	if !l.asked.Load() {
		l.vain.Add(1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.all[l.at]--; p.all[l.at] == 0 {
		delete(p.all, l.at)
	}
}

// placeKey finds the place of a connection in its context, and in those of its requests.
type placeKey struct{}

// Enter counts a connection until ctx ends, which is the context of the connection. It does not block. The
// context that it returns is for [Asked]; the error is [ErrFull] or [ErrCrowded].
func (p *Places) Enter(ctx context.Context, from net.Addr) (context.Context, error) {
	l, err := p.enter(from)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { p.leave(l) })
	return context.WithValue(ctx, placeKey{}, l), nil
}

// Context is for [http.Server.ConnContext] of a server with a listener of a Places, maybe with TLS on top:
// what it returns is for [Asked].
func Context(ctx context.Context, c net.Conn) context.Context {
	for {
		switch beneath := c.(type) {
		case *conn:
			return context.WithValue(ctx, placeKey{}, beneath.place)
		case interface{ NetConn() net.Conn }:
			c = beneath.NetConn()
		default:
			return ctx
		}
	}
}

// Handler returns next, which is asked for something over connections that have a [Context].
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Asked(r.Context())
		next.ServeHTTP(w, r)
	})
}

// Asked notes that a connection asked for something; ctx is that of a request. Without a place in it
// nothing happens.
func Asked(ctx context.Context) {
	if l, ok := ctx.Value(placeKey{}).(*place); ok {
		l.asked.Store(true)
	}
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

	// That ended before they asked for anything that can be understood, by what is beneath them: handshakes
	// that were given up, on either side, requests of which not all headers came, scanners, health checks,
	// and connections that browsers keep in reserve.
	TCP, UDP uint64

	Hellos uint64 // packets that might have begun a connection and were not looked at
}

// Stats returns the numbers of p.
func (p *Places) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Connections: p.total, Full: p.full.Load(), Crowded: p.crowded.Load(), TCP: p.tcp.Load(), UDP: p.udp.Load(), Hellos: p.hellos.lost(),
	}
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
		at, err := l.places.enter(c.RemoteAddr())
		if err != nil {
			_ = c.Close()
			continue
		}
		return &conn{c, l.places, at}, nil
	}
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	places *Places
	place  *place
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
	c.places.leave(c.place) // first, so that who sees the end finds it counted
	return c.Conn.Close()
}
