package jip3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/observe"
	"parley/api/telemetry"
)

// Defaults of [Options].
const (
	DefaultNodes       = 1024
	DefaultPerAddress  = 256
	DefaultEvents      = 5000
	DefaultBytes       = 4 << 20
	DefaultHelloTime   = 10 * time.Second
	DefaultMessageTime = 10 * time.Second
	DefaultIdleTime    = time.Minute
)

// Options are what a server is made of. Ingest and Log are required; what is zero has the
// default.
type Options struct {
	Ingest telemetry.Ingest
	Log    *slog.Logger

	Allow       []netip.Prefix // networks that nodes may connect from; none means any
	Nodes       int            // connections at once
	PerAddress  int            // of these from one address or IPv6 network, but this machine's
	Rate        Rate           // of each source
	HelloTime   time.Duration  // in which a node must have introduced itself
	MessageTime time.Duration  // from the first byte of an event to its last
	IdleTime    time.Duration  // without an event; nodes send their status every two seconds
}

// Counters are totals since the start. They are read at any time.
type Counters struct {
	Connections atomic.Int64  // now
	Accepted    atomic.Uint64 // connections that were let in
	Refused     atomic.Uint64 // and that were not
	BadHello    atomic.Uint64 // introductions that were none
	Events      atomic.Uint64 // received, whatever became of them
	Unknown     atomic.Uint64 // of kinds that the catalogue does not have
	Undecodable atomic.Uint64
	TooLarge    atomic.Uint64
	RateLimited atomic.Uint64
	Legacy      atomic.Uint64 // connections found to write lengths as LEB128
}

// Server takes in the events of nodes.
type Server struct {
	o        Options
	counters Counters
	places   places
	sources  sources
	large    *pool
	seen     seen
	warnings warnings
	conns    sync.WaitGroup
}

// New returns a server. It does nothing before [Server.Serve].
func New(o Options) *Server {
	fill := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	fillTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	fill(&o.Nodes, DefaultNodes)
	fill(&o.PerAddress, DefaultPerAddress)
	fill(&o.Rate.Events, DefaultEvents)
	fill(&o.Rate.Bytes, DefaultBytes)
	fillTime(&o.HelloTime, DefaultHelloTime)
	fillTime(&o.MessageTime, DefaultMessageTime)
	fillTime(&o.IdleTime, DefaultIdleTime)
	return &Server{
		o:       o,
		places:  places{allow: o.Allow, most: o.Nodes, mostEach: o.PerAddress, all: map[netip.Addr]*place{}},
		sources: sources{all: map[sourceKey]*source{}},
		large:   newPool(largeBuffers),
	}
}

// Counters returns the server's own counters.
func (s *Server) Counters() *Counters { return &s.counters }

// Most returns how many nodes may be connected at once.
func (s *Server) Most() int { return s.o.Nodes }

// acceptPause is how long to wait when connections cannot be accepted for now, mostly for
// want of file descriptors.
const acceptPause = 100 * time.Millisecond

// Serve accepts connections until ctx ends. Then it closes the listener, ends every session
// after the events that were received, and returns nil when all have ended. It returns an
// error when the listener fails.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.conns.Wait()
	defer cancel()
	defer l.Close() // an error of a listener that is not used any more means nothing
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err == nil {
			s.accept(ctx, conn)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept nodes: %w", err)
		}
		s.o.Log.Warn("nodes cannot connect for now", observe.KeyErr, err)
		wait(ctx, acceptPause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// accept serves a connection, or closes it without a word: the protocol has none.
func (s *Server) accept(ctx context.Context, conn net.Conn) {
	remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String()) // zero when it has none
	from := where(remote.Addr())
	err := errForeign
	if s.places.permits(remote.Addr()) {
		err = s.places.enter(from, time.Now())
	}
	if err != nil {
		s.counters.Refused.Add(1)
		s.warnings.warn(s.o.Log, "node refused", observe.KeyRemote, remote.String(), observe.KeyErr, err)
		conn.Close()
		return
	}
	s.counters.Accepted.Add(1)
	s.counters.Connections.Add(1)
	s.conns.Go(func() {
		defer conn.Close() // last: who sees it closed may come back at once
		defer s.places.leave(from)
		defer s.counters.Connections.Add(-1)
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		s.serve(ctx, conn, remote)
	})
}
