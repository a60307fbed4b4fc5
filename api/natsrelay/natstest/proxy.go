package natstest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a TCP connection to a server that a test can cut.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	target  string
	callers []string // what the first bytes of a caller may hold to tell who it is
	cut     bool
	stalled chan struct{}       // closed when bytes move again; nil while they do
	refused map[string]bool     // callers
	conns   map[net.Conn]string // both ends of each connection, with its caller
}

// Through returns the URL that leads to the server at rawURL through a new Proxy.
func Through(t testing.TB, rawURL string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t)
	p.aim(u.Host)
	u.Host = p.addr()
	return p, u.String()
}

// newProxy returns a Proxy that refuses connections until it is aimed.
func newProxy(t testing.TB, callers ...string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, callers: callers, refused: make(map[string]bool), conns: make(map[net.Conn]string)}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		p.running.Wait()
	})
	return p
}

func (p *Proxy) addr() string { return p.listener.Addr().String() }

func (p *Proxy) aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Cut breaks all connections and refuses new ones until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	p.move()
	for c := range p.conns {
		c.Close()
	}
}

// Stall leaves all connections as they are and moves nothing until Heal or Cut.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// move lets bytes move again; p.mu is held.
func (p *Proxy) move() {
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// pipe is one end of a connection as the other end writes to it.
type pipe struct {
	p *Proxy
	w io.Writer
}

func (w pipe) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	stalled := w.p.stalled
	w.p.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	return w.w.Write(b)
}

// Heal lets connections and bytes through again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.move()
	p.cut = false
	clear(p.refused)
}

// refuse breaks the connections of one caller and refuses new ones until Heal.
func (p *Proxy) refuse(caller string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[caller] = true
	for c, from := range p.conns {
		if from == caller {
			c.Close()
		}
	}
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		out, err := net.Dial("tcp", target)
		if err != nil || !p.admit(in, out) {
			in.Close()
			if err == nil {
				out.Close()
			}
			continue
		}
		p.running.Go(func() { p.carry(in, out) })
	}
}

func (p *Proxy) admit(in, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.conns[in], p.conns[out] = "", ""
	return true
}

// carry copies in both directions until one end closes.
func (p *Proxy) carry(in, out net.Conn) {
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(pipe{p, in}, out)
		in.Close()
	})
	first := make([]byte, 4096)
	if n, err := in.Read(first); err == nil && p.identify(in, out, first[:n]) {
		if _, err := out.Write(first[:n]); err == nil {
			_, _ = io.Copy(pipe{p, out}, in)
		}
	}
	out.Close()
	in.Close()
	back.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, in)
	delete(p.conns, out)
}

// identify notes who called and reports whether it may.
func (p *Proxy) identify(in, out net.Conn, first []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, caller := range p.callers {
		if bytes.Contains(first, []byte(caller)) {
			p.conns[in], p.conns[out] = caller, caller
			return !p.refused[caller]
		}
	}
	return true
}
