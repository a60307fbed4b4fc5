package ws

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
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
	// DefaultPing makes a path that breaks right after a pong known in time, and costs a
	// phone less than the media it receives anyway.
	DefaultPing = 2 * time.Second

	// DefaultIdle leaves two lost pings to a mobile network that changes cells, and tells
	// the others within 8 s that somebody is gone.
	DefaultIdle = 6 * time.Second

	// DefaultWrite is longer than the stalls that people sit out and shorter than DefaultIdle.
	DefaultWrite = 4 * time.Second

	// DefaultMessage is what a packet may take from its first byte to its last, as over
	// WebTransport.
	DefaultMessage = 10 * time.Second
)

// Options of a [Server]. Zero durations mean the defaults.
type Options struct {
	Hub Hub

	// Begin is told of every request for a session before Admit is asked. The context it
	// returns is that of Admit and, but for its end, of Serve; end is called when all is over.
	// May be nil.
	Begin func(r *http.Request) (ctx context.Context, end func())

	// Admit decides who may enter. Its error is answered with the status that fault.Codes
	// has for it and the message as the body.
	Admit func(r *http.Request) (media.Peer, error)

	Log *slog.Logger

	Intake *intake.Intake // bounds what packets hold until their session takes them; nil: nothing does

	Ping  time.Duration // between two pings of the server
	Idle  time.Duration // silence after which a path counts as dead
	Write time.Duration // until a peer that does not take its packets is slow

	Message time.Duration // until a packet that has begun has to be there
}

// errGoingAway refuses and ends sessions of a server that stops.
var errGoingAway = &fault.Error{
	Code: fault.GoingAway, Message: "this server is shutting down", Hint: "connect again", Retry: time.Second,
}

// Server turns HTTP requests into sessions. It is the handler of GET /lobby and
// GET /lobby/{user_id}/{room} over HTTP/1.1, with TLS or without.
type Server struct {
	opt  Options
	ctx  context.Context // ends when sessions must end at once
	stop context.CancelFunc

	mu       sync.Mutex
	closing  bool
	sessions sync.WaitGroup
}

// New returns a Server. It panics when Hub, Admit or Log is missing.
func New(opt Options) *Server {
	if opt.Hub == nil || opt.Admit == nil || opt.Log == nil {
		panic("ws: Hub, Admit and Log are required")
	}
	opt.Ping = cmp.Or(opt.Ping, DefaultPing)
	opt.Idle = cmp.Or(opt.Idle, DefaultIdle)
	opt.Write = cmp.Or(opt.Write, DefaultWrite)
	opt.Message = cmp.Or(opt.Message, DefaultMessage)
	ctx, stop := context.WithCancel(context.Background())
	return &Server{opt: opt, ctx: ctx, stop: stop}
}

// ServeHTTP admits the peer and upgrades the connection. The session runs in a goroutine of its
// own, which [Server.Shutdown] waits for: that of the HTTP server holds a request and buffers that
// nobody needs any more.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The query holds the token and stays out of the log.
	log := s.opt.Log.With("path", r.URL.Path, "remote", r.RemoteAddr)
	if !s.enter() {
		fault.Answer(w, errGoingAway)
		return
	}
	end, running := s.sessions.Done, false
	defer func() {
		if !running {
			end()
		}
	}()
	if s.opt.Begin != nil {
		ctx, over := s.opt.Begin(r)
		end = func() {
			over()
			s.sessions.Done()
		}
		r = r.WithContext(ctx)
	}

	peer, err := s.opt.Admit(r)
	if err != nil {
		code := fault.Answer(w, err)
		log.Debug("websocket refused", "code", code, "err", err)
		return
	}
	up := &upgrade{ResponseWriter: w, timeout: s.opt.Write}
	sock, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // any origin, see the package comment
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		if up.link != nil {
			_ = up.link.Close() // it broke during the handshake
		}
		log.Debug("no websocket handshake", "err", err)
		return
	}
	v := &visit{server: s, conn: newConn(sock, up.link, &s.opt), peer: peer, end: end, path: strings.Clone(r.URL.Path), remote: r.RemoteAddr}
	v.begin(r.Context())
	running = true
	go v.run() // Shutdown waits for it
}

// visit is one session with all that it needs. What its goroutine calls before the session is
// on the stack as long as that lasts, so that is little.
type visit struct {
	server *Server
	conn   *conn
	peer   media.Peer
	end    func()

	// For the log.
	path, remote string

	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func() bool // what happens when the server stops
	pinger *pinger
}

// begin is called by the goroutine of the request, whose context means nothing after the upgrade.
func (v *visit) begin(request context.Context) {
	v.ctx, v.cancel = context.WithCancelCause(context.WithoutCancel(request))
	v.stop = context.AfterFunc(v.server.ctx, func() {
		_ = v.conn.Close(fault.GoingAway)
		v.cancel(errGoingAway)
	})
	v.pinger = newPinger(v.conn, v.server.opt.Ping, v.server.opt.Idle)
}

// run blocks until the session ended.
func (v *visit) run() {
	v.over(v.server.opt.Hub.Serve(v.ctx, v.conn, &v.peer))
}

// over closes what run leaves.
//
//go:noinline
func (v *visit) over(err error) { // what it needs is not on the stack before
	defer v.end()
	if err := v.conn.Close(fault.CodeOf(err)); err != nil {
		v.server.opt.Log.Debug("websocket close", "path", v.path, "remote", v.remote, "err", err)
	}
	v.conn.letGo()
	v.pinger.stop()
	v.stop()
	v.cancel(nil)
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
// the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()

	done := make(chan struct{})
	go func() { // ends below, at the latest after stop
		s.sessions.Wait()
		close(done)
	}()
	defer s.stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.stop()
		<-done
		return ctx.Err()
	}
}
