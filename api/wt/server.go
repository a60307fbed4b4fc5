package wt

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
	"parley/api/nowait"
)

// Hub runs sessions.
type Hub interface {
	// Serve runs the session of peer on conn and blocks until it ended. The error says why;
	// nil means politely. It may close conn; afterwards the server does, with the code of
	// the error. ctx ends, with a cause, when the server stops at once. Nobody changes peer any more.
	Serve(ctx context.Context, conn media.Conn, peer *media.Peer) error
}

// Defaults of [Options].
const (
	// DefaultIdle with DefaultKeepAlive makes a dead path known within 6 s: the timeout
	// runs from the first keep-alive that is not answered.
	DefaultIdle      = 5 * time.Second
	DefaultKeepAlive = time.Second

	// DefaultQuiet is how long a client may be connected and not say a word, as in the
	// shared contract. Browsers say something every 200 ms, bots every second.
	DefaultQuiet = 30 * time.Second

	// DefaultWrite is longer than the stalls that people sit out and shorter than DefaultIdle.
	DefaultWrite = 4 * time.Second

	// DefaultUnproven is for a crowd: the handshake of somebody who is there takes a round trip. That
	// of a flood under false addresses takes a millisecond to compute, and 100 KB for up to
	// fifteen seconds.
	DefaultUnproven = 256
)

// Options of a [Server]. Zero durations mean the defaults.
type Options struct {
	PacketConn net.PacketConn // the socket, see [Listen]; the server closes it
	TLS        *tls.Config    // with a certificate; the server adds the rest
	Hub        Hub

	// Begin is told of every request for a session before Admit is asked. The context it
	// returns is that of Admit and, but for its end, of Serve; end is called when all is over.
	// May be nil.
	Begin func(r *http.Request) (ctx context.Context, end func())

	// Admit decides who may enter. Its error is answered with the status that fault.Codes
	// has for it and the message as the body.
	Admit func(r *http.Request) (media.Peer, error)

	// Hello decides whether a packet from an address is looked at, before anything is known of it, on systems
	// that have a way to ask. It must not block, nor keep the packet. Nil lets all in.
	Hello func(packet []byte, from netip.AddrPort) bool

	// Enter decides whether a connection from an address may begin, before anything is known of
	// it. It gets the context that ends with the connection; what it returns is the context of its
	// requests. Nil lets all in.
	Enter func(ctx context.Context, from net.Addr) (context.Context, error)

	// Asked is told of every request, with its context. May be nil.
	Asked func(ctx context.Context)

	Intake *intake.Intake // bounds what packets hold until their session takes them; nil: nothing does

	Refusals *Refusals // counts the streams that are reset; nil: nobody wants to know

	Log    *slog.Logger
	Routes http.Handler // answers all requests that open no session; nil means 404

	Idle      time.Duration // silence after which a path counts as dead
	KeepAlive time.Duration // between two probes of a silent path
	Quiet     time.Duration // until a session without a packet is idle
	Write     time.Duration // until a peer that does not take its packets is slow
	Request   time.Duration // until a connection without a session has to have asked for something; of each up to a third less

	// Unproven is how many connections may go on at once that have neither proved that their address
	// is their own nor asked for anything; 0 means the default. Those beyond have to prove it first.
	Unproven int
}

// Server is an HTTP/3 server that turns CONNECT requests for /lobby and what is below it
// into sessions.
type Server struct {
	opt Options
	wt  *webtransport.Server

	cut  context.Context // ends when sessions must end at once
	over context.Context // ends when there are no more sessions and will be none

	endSessions, finish context.CancelFunc

	mu       sync.Mutex
	closing  bool
	present  map[*conn]struct{} // that somebody has to look after
	callers  map[*quic.Conn]*caller
	sessions sync.WaitGroup
	serving  sync.WaitGroup // Serve, while it runs
}

// New returns a Server that serves nobody yet. It panics when a required option is missing.
func New(opt Options) *Server {
	if opt.PacketConn == nil || opt.TLS == nil || opt.Hub == nil || opt.Admit == nil || opt.Log == nil {
		panic("wt: PacketConn, TLS, Hub, Admit and Log are required")
	}
	opt.Idle = cmp.Or(opt.Idle, DefaultIdle)
	opt.KeepAlive = cmp.Or(opt.KeepAlive, DefaultKeepAlive)
	opt.Quiet = cmp.Or(opt.Quiet, DefaultQuiet)
	opt.Write = cmp.Or(opt.Write, DefaultWrite)
	opt.Request = cmp.Or(opt.Request, DefaultRequest)
	opt.Unproven = cmp.Or(opt.Unproven, DefaultUnproven)
	opt.Refusals = cmp.Or(opt.Refusals, new(Refusals))
	if opt.Routes == nil {
		opt.Routes = http.NotFoundHandler()
	}
	s := &Server{opt: opt, present: make(map[*conn]struct{}), callers: make(map[*quic.Conn]*caller)}
	s.cut, s.endSessions = context.WithCancel(context.Background())
	s.over, s.finish = context.WithCancel(context.Background())
	s.wt = &webtransport.Server{
		H3: &http3.Server{
			Handler:        http.HandlerFunc(s.serveHTTP),
			MaxHeaderBytes: maxHeaderBytes,
			IdleTimeout:    opt.Request,
			ConnContext: func(ctx context.Context, conn *quic.Conn) context.Context {
				return context.WithValue(ctx, callerKey{}, s.caller(conn))
			},
			// At its debug level the library logs URLs, which hold tokens.
			Logger: slog.New(warnings{opt.Log.Handler()}),
		},
		// Who enters is decided by a token that a page has to be given, never by a cookie
		// that a browser adds on its own: a foreign page gains nothing by connecting.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	advertise(s.wt)
	return s
}

// callerKey finds the caller of a request in its context.
type callerKey struct{}

// warnings is a log handler for the libraries, which never need less than a warning.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// Addr returns the address of the socket.
func (s *Server) Addr() net.Addr { return s.opt.PacketConn.LocalAddr() }

// Serve accepts sessions until Shutdown was called, which makes it return nil, or ctx ends,
// which closes all sessions at once with code GoingAway. It closes the socket and waits for
// everything it started. It can be called once.
func (s *Server) Serve(ctx context.Context) error {
	defer s.opt.PacketConn.Close()
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	defer context.AfterFunc(ctx, func() {
		s.drain()
		s.endSessions()
		s.sessions.Wait()
		s.finish()
	})()

	transport := s.transport()
	defer transport.Close()
	listener, err := transport.ListenEarly(
		http3.ConfigureTLSConfig(s.opt.TLS), quicConfig(s.opt.Idle, s.opt.KeepAlive))
	if err != nil {
		return err
	}
	defer listener.Close()

	var conns sync.WaitGroup
	defer conns.Wait()
	conns.Go(s.lookAfter)
	defer s.finish()
	defer s.sessions.Wait()
	defer s.wt.Close()
	for {
		conn, err := listener.Accept(s.over)
		if err != nil {
			if s.over.Err() != nil {
				return nil
			}
			s.drain()
			s.endSessions()
			return err
		}
		conns.Go(func() {
			s.call(conn)
			defer s.hangUp(conn)
			err := s.wt.ServeQUICConn(conn)
			if err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.opt.Log.Debug("quic connection", "remote", conn.RemoteAddr(), "err", err)
			}
		})
	}
}

// lookEvery is the time between two looks after all sessions; less where one may be quiet for
// little longer.
const lookEvery = time.Second

// lookAfter does for all sessions what would else be goroutines of each, until none will come.
func (s *Server) lookAfter() {
	tick := time.NewTicker(min(lookEvery, s.opt.Quiet/4, s.opt.Request/4))
	defer tick.Stop()
	var all []*conn
	var callers []*caller
	for {
		var now time.Time
		select {
		case now = <-tick.C:
		case <-s.over.Done():
			return
		}
		s.mu.Lock()
		for c := range s.present {
			all = append(all, c)
		}
		callers = slices.AppendSeq(callers, maps.Values(s.callers))
		s.mu.Unlock()
		for _, c := range all {
			c.look()
		}
		for _, c := range callers {
			c.look(now)
		}
		clear(all)
		clear(callers)
		all, callers = all[:0], callers[:0]
	}
}

// attend notes that c is there, or is not any more.
func (s *Server) attend(c *conn, present bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if present {
		s.present[c] = struct{}{}
	} else {
		delete(s.present, c)
	}
}

// transport returns the socket with the limits on who may use it.
func (s *Server) transport() *quic.Transport {
	unproven := newProof(s.opt.Unproven)
	conn, watched := nowait.Packets(s.opt.PacketConn, nowait.Watch{Wants: s.opt.Hello, Sends: unproven.sends})
	unproven.watched = watched
	return &quic.Transport{
		Conn:                conn,
		VerifySourceAddress: unproven.wanted,
		ConnContext: func(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
			if s.opt.Enter != nil {
				var err error
				if ctx, err = s.opt.Enter(ctx, info.RemoteAddr); err != nil {
					return nil, err
				}
			}
			return unproven.begin(ctx, info), nil
		},
	}
}

// drain refuses newcomers from now on.
func (s *Server) drain() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.sessions.Add(1)
	}
	return !s.closing
}

// Shutdown refuses newcomers from now on and waits until the last session ended. When ctx
// ends first, it closes those that are left with code GoingAway, waits for them and returns
// the error of ctx. It returns after Serve did all its work.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	done := make(chan struct{})
	go func() { // ends below, at the latest after endSessions
		s.sessions.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.endSessions()
		<-done
	}
	s.finish()
	s.serving.Wait()
	return err
}

// errGoingAway refuses and ends sessions of a server that stops.
var errGoingAway = &fault.Error{
	Code: fault.GoingAway, Message: "this server is shutting down", Hint: "connect again", Retry: time.Second,
}
