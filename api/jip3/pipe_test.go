package jip3

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// piped is a server with connections in memory, for bubbles of synctest.
type piped struct {
	*Server
	*memory
	node  net.Conn
	pipes pipes
	wg    sync.WaitGroup
	close func()
}

// pipe starts a server and one connection.
func pipe(t *testing.T) *piped {
	m := &memory{}
	p := &piped{Server: New(Options{Ingest: m, Log: quiet(t)}), memory: m, pipes: pipes{conns: make(chan net.Conn), done: make(chan struct{})}}
	ctx, cancel := context.WithCancel(t.Context())
	p.wg.Go(func() { _ = p.Serve(ctx, &p.pipes) })
	p.close = func() {
		cancel()
		p.node.Close()
		p.wg.Wait()
	}
	p.node = p.connect("192.0.2.1:1")
	return p
}

// connect connects from an address.
func (p *piped) connect(from string) net.Conn {
	node, server := net.Pipe()
	p.pipes.conns <- placed{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	return node
}

// ended waits until the server hung up.
func (p *piped) ended() { _, _ = io.Copy(io.Discard, p.node) }

// placed is a connection with an address.
type placed struct {
	net.Conn
	addr net.Addr
}

func (f placed) RemoteAddr() net.Addr { return f.addr }

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
