package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/config"
	"parley/api/cookie"
	"parley/api/observe"
	"parley/api/places"
	"parley/api/rest"
	"parley/api/ws"
	"parley/api/wt"
	"parley/web"
)

// front is what faces the network: one address in clear for browsers on this machine and
// proxies, and one encrypted, for HTTP/3 over UDP and the same routes over TCP.
type front struct {
	node   *node
	clear  net.Listener
	secure net.Listener
	socket net.PacketConn
	nodes  net.Listener // that send telemetry; nil where none may

	http  *http.Server // both listeners
	ws    *ws.Server
	quic  *wt.Server
	drain time.Duration
}

// Bounds of the HTTP servers. Upgraded connections have their own. Package places takes up to a third off
// the times.
const (
	readHeaderTime = 6 * time.Second
	idleTime       = 2 * time.Minute
	maxHeaderBytes = 64 << 10 // a token and a few cookies
)

// listen opens the addresses and builds what answers there.
func (n *node) listen() (_ *front, err error) {
	l := n.Config.Listen
	f := &front{node: n, drain: n.Config.Node.Drain}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.clear, err = net.Listen("tcp", l.HTTP); err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	f.clear = n.places.Listener(ws.Listener(f.clear))
	if err = f.listenSecure(l.WebTransport); err != nil {
		return nil, fmt.Errorf("listen for WebTransport: %w", err)
	}
	if err = f.listenNodes(); err != nil {
		return nil, err
	}
	f.ws = ws.New(ws.Options{Hub: entrance{n}, Begin: n.beginJoin, Admit: n.admit, Log: n.Log, Intake: n.intake})
	routes, err := f.routes()
	if err != nil {
		return nil, err
	}
	f.http = &http.Server{
		Handler: places.Handler(routes), ConnContext: places.Context, ReadHeaderTimeout: readHeaderTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(n.Log.Handler(), slog.LevelDebug), // scanners and impatient browsers
	}
	f.quic = wt.New(wt.Options{
		PacketConn: f.socket, TLS: &tls.Config{GetCertificate: n.cert.GetCertificate},
		Hub: entrance{n}, Begin: n.beginJoin, Admit: n.admit, Log: n.Log, Routes: routes, Hello: n.places.Hello, Enter: n.places.Enter, Asked: places.Asked,
		Refusals: &n.refusals, Intake: n.intake,
		Idle: l.QUICIdleTimeout, KeepAlive: l.QUICKeepAlive,
	})
	return f, nil
}

// sharedPortTries is how often a free port is looked for that is free for TCP as well.
const sharedPortTries = 20

// listenSecure opens addr for UDP and TCP; port 0 means one port that is free for both.
func (f *front) listenSecure(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	for range sharedPortTries {
		if f.socket, err = wt.Listen(addr); err != nil {
			return err
		}
		same := strconv.Itoa(f.socket.LocalAddr().(*net.UDPAddr).Port)
		f.secure, err = net.Listen("tcp", net.JoinHostPort(host, same))
		if err == nil {
			f.secure = tls.NewListener(f.node.places.Listener(ws.Listener(f.secure)), &tls.Config{
				GetCertificate: f.node.cert.GetCertificate, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
			})
			return nil
		}
		f.socket.Close()
		f.socket = nil
		if port != "0" {
			return err
		}
	}
	return err
}

// close gives the addresses back; for a front that never served.
func (f *front) close() {
	for _, c := range []interface{ Close() error }{f.clear, f.secure, f.socket, f.nodes} {
		if c != nil {
			_ = c.Close()
		}
	}
}

// routes builds what the node answers over HTTP.
func (f *front) routes() (http.Handler, error) {
	n, access := f.node, f.node.Config.Access
	signIn, err := n.signIn()
	if err != nil {
		return nil, err
	}
	return rest.New(rest.Options{
		Tokens: n.tokens, Meetings: n.management, Ending: n.ending, Log: n.Log, Build: observe.ReadBuild(),
		Features: n.features,
		TokenTTL: access.TokenTTL, SessionTTL: access.SessionTTL, Cookie: n.cookie(), SignIn: signIn, SignOuts: n.signOuts,
		DemoSignIn: *access.DemoSignIn, CORSOrigins: n.Config.Listen.CORSAllowedOrigin,
		Telemetry: rest.Telemetry{Engine: n.telemetry, Archive: n.stores.archive, Live: n.live, Flush: n.flushTelemetry, Participant: n.calls.Participant},
		TART:      n.tart(),
		Admin:     n.admin(), Client: f.clientConfig, Page: web.FS(), Lobby: f.ws,
		VersionURLs: n.Config.Node.VersionURLs,
		Ready:       n.ready, Metrics: n.metrics, Observe: n.metrics.Request, Tracer: n.tracer,
	})
}

// cookie is what keeps people signed in.
func (n *node) cookie() cookie.Session {
	access := n.Config.Access
	return cookie.Session{Name: access.CookieName, Domain: access.CookieDomain, Secure: access.CookieSecure}
}

// clientConfig is what the page has to know about the encrypted port.
func (f *front) clientConfig() rest.ClientConfig {
	n := f.node
	c := rest.ClientConfig{WebTransportPort: f.socket.LocalAddr().(*net.UDPAddr).Port, Version: observe.ReadBuild().Version, DemoSignIn: *n.Config.Access.DemoSignIn,
		SignIn: n.Config.OAuth.ClientID != ""}
	if ip := f.socket.LocalAddr().(*net.UDPAddr).IP; !ip.IsUnspecified() {
		c.WebTransportHost = ip.String()
	}
	if n.cert.SelfSigned() {
		c.CertificateSHA256 = []string{n.cert.SHA256()}
	}
	return c
}

// ready says why the node should not get new clients, or nil.
func (n *node) ready(ctx context.Context) error {
	switch {
	case n.draining.Load():
		return errors.New("draining")
	case !n.stores.conn.IsConnected():
		return errors.New("NATS is out of reach")
	}
	return nil
}

// announce tells whoever waits that the node serves.
func (n *node) announce(f *front, took time.Duration) {
	r := config.Ready{
		HTTP:         "http://" + reachable(f.clear.Addr()),
		WebTransport: "https://" + reachable(f.socket.LocalAddr()),
		DatabaseURL:  n.stores.databaseURL, NATSURL: n.stores.natsURL, NodeID: string(n.id),
		AdminToken: n.adminToken(),
	}
	if n.cert.SelfSigned() {
		r.CertificateSHA256 = n.cert.SHA256()
	}
	if f.nodes != nil {
		r.Telemetry = reachable(f.nodes.Addr())
	}
	if n.inspect != nil {
		r.Debug = "http://" + reachable(n.inspect.Addr())
	}
	n.Log.Info("serving", "http", r.HTTP, "webtransport", r.WebTransport, "took", took.Round(time.Millisecond).String())
	if file := n.Config.Node.ReadyFile; file != "" {
		if err := r.Write(file); err != nil {
			n.Log.Error("ready file", observe.KeyErr, err)
		}
	}
	if n.Ready != nil {
		n.Ready(r)
	}
}

// reachable turns a listening address into one to connect to: an address for all networks
// becomes localhost, which browsers trust without a certificate.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// serve answers until ctx ends or a listener fails, then stops: newcomers are refused,
// sessions drain, listeners close.
func (f *front) serve(ctx context.Context) error {
	quic, stopQUIC := context.WithCancel(context.WithoutCancel(ctx))
	defer stopQUIC()
	g, serving := errgroup.WithContext(ctx)
	g.Go(func() error { return closed(f.http.Serve(f.clear)) })
	g.Go(func() error { return closed(f.http.Serve(f.secure)) })
	g.Go(func() error { return f.quic.Serve(quic) })
	if f.nodes != nil {
		g.Go(func() error { return f.node.jip3.Serve(serving, f.nodes) })
	}
	g.Go(func() error {
		<-serving.Done() // a signal, or the first part that failed
		return f.stop(context.WithoutCancel(ctx))
	})
	return g.Wait()
}

func (f *front) stop(ctx context.Context) error {
	f.node.draining.Store(true)
	f.node.Log.Info("stopping", "sessions", f.node.hub.Sessions(), "drain", f.drain.String())
	ctx, cancel := context.WithTimeout(ctx, f.drain)
	defer cancel()
	ctx, hurry := context.WithCancelCause(ctx)
	defer hurry(nil)
	if f.node.alone(ctx) {
		hurry(errAlone)
		f.node.hub.Refuse()
		f.node.leaveFirst(ctx)
	}
	err := f.node.hub.Drain(ctx)
	close(f.node.ending)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.node.Log.Warn("sessions did not drain in time")
		err = nil
	case errors.Is(err, errAlone):
		err = nil
	}
	// Their connections are closed, so this only waits for handlers to return.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	return errors.Join(err, late(f.ws.Shutdown(ending)), late(f.quic.Shutdown(ending)), late(f.http.Shutdown(ending)))
}

// errAlone ends grace periods early: sessions could come back nowhere.
var errAlone = errors.New("no other node")

// alone reports whether no other node could take sessions over.
func (n *node) alone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	nodes, err := n.relay.Nodes(ctx)
	return err == nil && len(nodes) <= 1
}

// closeTime bounds the end of connections that do not drain.
const closeTime = 2 * time.Second

// late takes running into closeTime for an answer: what is left is cut off.
func late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
