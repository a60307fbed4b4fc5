package wt

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/quic-go/quic-go/http3"

	"parley/api/fault"
	"parley/api/media"
)

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	defer r.Context().Value(callerKey{}).(*caller).ask()()
	if s.opt.Asked != nil {
		s.opt.Asked(r.Context())
	}
	lobby := r.URL.Path == "/lobby" || strings.HasPrefix(r.URL.Path, "/lobby/")
	// The protocol of an extended CONNECT: webtransport, or webtransport-h3 in recent drafts.
	if lobby && r.Method == http.MethodConnect && strings.HasPrefix(r.Proto, "webtransport") {
		s.serveSession(w, r)
		return
	}
	s.opt.Routes.ServeHTTP(w, r)
}

// framing reports whether packets to a client share long-lived streams. Clients of the newer
// version of the shared contract expect it and do not say so, but they send an instance_id.
func framing(query url.Values) (framed bool, err error) {
	switch query.Get("framing") {
	case "stream":
		return true, nil
	case "packet":
		return false, nil
	case "":
		return query.Get("instance_id") != "", nil
	}
	return false, fault.New(fault.BadRequest, "framing must be stream or packet")
}

// serveSession admits the peer and opens the session, which runs in a goroutine of its own that
// [Server.Shutdown] waits for: that of the request once needed a deep stack.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request) {
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
		log.Debug("webtransport refused", "code", code, "err", err)
		return
	}
	framed, err := framing(r.URL.Query())
	if err != nil {
		log.Debug("webtransport refused", "code", fault.Answer(w, err), "err", err)
		return
	}
	sess, err := s.wt.Upgrade(w, r)
	if err != nil {
		fault.Answer(w, fault.Wrap(err, fault.BadRequest, "no WebTransport session is possible"))
		log.Debug("no webtransport session", "err", err)
		return
	}
	c := r.Context().Value(callerKey{}).(*caller)
	qc, hangUp, over := c.quic, c.ask(), end
	end = func() {
		hangUp()
		over()
	}
	v := &visit{
		server: s, conn: newConn(sess, qc, w.(http3.HTTPStreamer).HTTPStream(), framed, &s.opt), peer: peer, end: end, path: strings.Clone(r.URL.Path), remote: r.RemoteAddr,
	}
	v.begin(r.Context())
	running = true
	go v.run() // Shutdown waits for it
}

// visit is one session with all that it needs. What its goroutine calls before the session is
// on the stack as long as that lasts, so that is little.
type visit struct {
	server *Server
	conn   *conn
	serve  media.Conn // conn, as the session sees it
	peer   media.Peer
	end    func()

	// For the log.
	path, remote string

	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func() bool // what happens when the server stops
}

// begin is called by the goroutine of the request, whose context ends with the session: that is
// too early to say why.
func (v *visit) begin(request context.Context) {
	v.serve = newPacketConn(v.conn)
	if v.conn.framed {
		v.serve = newStreamConn(v.conn)
	}
	v.server.attend(v.conn, true)
	v.conn.start()
	v.ctx, v.cancel = context.WithCancelCause(context.WithoutCancel(request))
	v.stop = context.AfterFunc(v.server.cut, func() {
		_ = v.conn.Close(fault.GoingAway)
		v.cancel(errGoingAway)
	})
}

// run blocks until the session ended.
func (v *visit) run() {
	v.over(v.server.opt.Hub.Serve(v.ctx, v.serve, &v.peer))
}

// over closes what run leaves.
//
//go:noinline
func (v *visit) over(err error) { // what it needs is not on the stack before
	defer v.end()
	if err := v.conn.Close(fault.CodeOf(err)); err != nil {
		v.server.opt.Log.Debug("webtransport close", "path", v.path, "remote", v.remote, "err", err)
	}
	v.server.attend(v.conn, false)
	v.conn.work.Wait()
	v.conn.forget()
	v.stop()
	v.cancel(nil)
}
