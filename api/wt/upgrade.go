package wt

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"parley/api/fault"
	"parley/api/media"
)

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
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

// serveSession admits the peer, opens the session and blocks until it ended.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request) {
	// The query holds the token and stays out of the log.
	log := s.opt.Log.With("path", r.URL.Path, "remote", r.RemoteAddr)
	if !s.enter() {
		fault.Answer(w, errGoingAway)
		return
	}
	defer s.sessions.Done()
	if s.opt.Begin != nil {
		ctx, end := s.opt.Begin(r)
		defer end()
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
	conn := r.Context().Value(connKey{}).(*quic.Conn)
	c := newConn(sess, conn, w.(http3.HTTPStreamer).HTTPStream(), framed, &s.opt)
	c.start()

	// The context of the request ends with the session, which is too early to say why.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer cancel(nil)
	defer context.AfterFunc(s.cut, func() {
		_ = c.Close(fault.GoingAway)
		cancel(errGoingAway)
	})()

	var serve media.Conn = c
	if framed {
		serve = newStreamConn(c)
	}
	err = s.opt.Hub.Serve(ctx, serve, peer)
	if err := c.Close(fault.CodeOf(err)); err != nil {
		log.Debug("webtransport close", "err", err)
	}
	c.work.Wait()
}
