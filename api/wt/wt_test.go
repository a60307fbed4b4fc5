package wt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"go.uber.org/goleak"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	"parley/api/wt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var peer = media.Peer{Room: "room", User: "alice"}

func admitAll(*http.Request) (media.Peer, error) { return peer, nil }

func logTo(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// certificate returns the TLS configurations of a server named localhost and its clients.
func certificate(t testing.TB) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(13 * 24 * time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{{127, 0, 0, 1}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// site is a running server. Its clean-up waits for all sessions.
type site struct {
	hold   *mediatest.Hold
	server *wt.Server
	url    string
	secure *tls.Config
}

func newSite(t testing.TB, change func(*wt.Options)) *site {
	t.Helper()
	serverTLS, clientTLS := certificate(t)
	socket, err := wt.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{hold: mediatest.NewHold(), secure: clientTLS}
	opt := wt.Options{PacketConn: socket, TLS: serverTLS, Hub: s.hold, Admit: admitAll, Log: logTo(t)}
	if change != nil {
		change(&opt)
	}
	s.server = wt.New(opt)
	s.url = "https://" + s.server.Addr().String() + "/lobby"
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(context.Background()) }()
	t.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.server.Shutdown(now)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

func (s *site) dial(t testing.TB, opt client.Options) (*client.Client, *mediatest.Held) {
	t.Helper()
	opt.TLS = s.secure
	c, err := client.Dial(t.Context(), s.url, opt)
	if err != nil {
		t.Fatal(err)
	}
	held := s.hold.Next(t)
	t.Cleanup(func() {
		held.End(nil)
		_ = c.Close() // most tests end it in their own way
	})
	return c, held
}

// far makes a client the far end of the contract.
type far struct{ *client.Client }

func (f far) Receive(ctx context.Context) ([]byte, bool, error) {
	p, err := f.Client.Receive(ctx)
	return p.Data, p.Datagram, err
}

func TestContract(t *testing.T) {
	mediatest.ConnContract{
		Transport: media.WebTransport,
		Datagrams: true,
		New: func(t *testing.T) mediatest.ConnPair {
			c, held := newSite(t, nil).dial(t, client.Options{})
			return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
		},
		NewSlow: func(t *testing.T) mediatest.ConnPair {
			s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
			c, held := s.dial(t, client.Options{Inbox: 1})
			return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
		},
	}.Run(t)
}

// A client may grant few streams at a time; then packets wait for each other.
func TestFewStreams(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{QUIC: &quic.Config{MaxIncomingUniStreams: 5}})
	written := make(chan error, 1)
	go func() {
		frames := make([]*media.Frame, 100)
		for i := range frames {
			frames[i] = &media.Frame{Wire: []byte{byte(i)}}
		}
		written <- held.Conn.Write(t.Context(), frames)
	}()
	seen := make(map[byte]bool)
	for range 100 {
		p, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[p.Data[0]] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different packets", len(seen))
	}
	if err := <-written; err != nil {
		t.Errorf("write: %v", err)
	}
}

// A client may refuse streams at any moment of their life; it loses these packets only.
func TestRefusedStreams(t *testing.T) {
	const packets = 500
	sess, held := newSite(t, nil).dialLibrary(t)
	refused := make(chan error, 1)
	go func() {
		for range packets {
			str, err := sess.AcceptUniStream(t.Context())
			if err != nil {
				refused <- err
				return
			}
			str.CancelRead(0)
		}
		refused <- nil
	}()
	frames := make([]*media.Frame, packets)
	for i := range frames {
		frames[i] = &media.Frame{Wire: make([]byte, 100+i*10)}
	}
	if err := held.Conn.Write(t.Context(), frames); err != nil {
		t.Fatalf("write: %v", err)
	}
	if err := <-refused; err != nil {
		t.Errorf("accept: %v", err)
	}
}

// A client that only publishes and never makes room for a stream may stay.
func TestDeafClient(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	c, held := s.dial(t, client.Options{QUIC: &quic.Config{MaxIncomingUniStreams: 1}})
	for _, packet := range []string{"one", "two", "three"} {
		// The one stream is taken by HTTP/3 itself.
		if err := held.Conn.Write(t.Context(), []*media.Frame{{Wire: []byte("lost")}}); err != nil {
			t.Fatalf("write: %v", err)
		}
		if err := c.Send(t.Context(), []byte(packet)); err != nil {
			t.Fatal(err)
		}
		if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != packet {
			t.Fatalf("read %q, %v; want %q", p.Data, err, packet)
		}
	}
}

// A client that made no room for a while and then listens again has missed something.
func TestDeafClientListens(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	c, held := s.dial(t, client.Options{Inbox: 1, QUIC: &quic.Config{MaxIncomingUniStreams: 5}})
	frames := make([]*media.Frame, 100)
	for i := range frames {
		frames[i] = &media.Frame{Wire: []byte{byte(i)}}
	}
	if err := held.Conn.Write(t.Context(), frames); err != nil {
		t.Fatalf("write: %v", err)
	}
	if _, err := c.Receive(t.Context()); err != nil { // makes room
		t.Fatal(err)
	}
	for {
		err := held.Conn.Write(t.Context(), frames[:1])
		if err == nil {
			continue // the news of the room is on its way
		}
		if fault.CodeOf(err) != fault.Slow {
			t.Errorf("write: %v, want code %s", err, fault.Slow)
		}
		return
	}
}

// A client that grants any number of streams and does not read is slow all the same.
func TestSmallPacketsFeelBackPressure(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	_, held := s.dial(t, client.Options{Inbox: 1, QUIC: &quic.Config{
		MaxIncomingUniStreams:          1 << 40,
		InitialConnectionReceiveWindow: 1 << 20,
		MaxConnectionReceiveWindow:     1 << 20,
	}})
	frame := []*media.Frame{{Wire: make([]byte, 1000)}}
	for n := 0; ; n++ {
		if err := held.Conn.Write(t.Context(), frame); err != nil {
			if fault.CodeOf(err) != fault.Slow {
				t.Errorf("write: %v, want code %s", err, fault.Slow)
			}
			return
		}
		if n > 3000 {
			t.Fatal("3 MB were taken for a client that lets 1 MB pass")
		}
	}
}

func TestHubEndsSession(t *testing.T) {
	for _, tc := range []struct {
		err    error
		code   int
		reason string
	}{
		{nil, 1000, "bye"},
		{fault.New(fault.Reserved, "no"), 1008, "Session rejected"},
		{io.ErrUnexpectedEOF, 3004, "internal"},
	} {
		c, held := newSite(t, nil).dial(t, client.Options{})
		held.End(tc.err)
		_, err := c.Receive(t.Context())
		if e, ok := err.(*client.ClosedError); !ok || e.Code != tc.code || e.Reason != tc.reason {
			t.Errorf("%v: closed with %v, want %d %q", tc.err, err, tc.code, tc.reason)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		code   fault.Code
		status int
	}{
		{fault.BadRequest, 400}, {fault.Expired, 401}, {fault.Invalid, 403}, {fault.Gone, 410}, {fault.Misconfig, 500},
	} {
		s := newSite(t, func(o *wt.Options) {
			o.Admit = func(*http.Request) (media.Peer, error) { return media.Peer{}, fault.New(tc.code, "because") }
		})
		_, err := client.Dial(t.Context(), s.url+"?token=secret", client.Options{TLS: s.secure})
		e, ok := errors.AsType[*client.RefusedError](err)
		if !ok || e.Status != tc.status || e.Body != "because" {
			t.Errorf("%s: %v, want status %d", tc.code, err, tc.status)
		}
	}
}

// Admit sees the request as it came; paths outside the lobby are not sessions.
func TestRoutes(t *testing.T) {
	var seen []string
	s := newSite(t, func(o *wt.Options) {
		o.Admit = func(r *http.Request) (media.Peer, error) {
			seen = append(seen, r.URL.RequestURI())
			return peer, nil
		}
		o.Routes = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodConnect {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, "version 1")
		})
	})
	base := s.url
	for _, path := range []string{"?token=a", "/bob/room", "/any/thing/else?token=b"} {
		s.url = base + path
		s.dial(t, client.Options{})
	}
	want := []string{"/lobby?token=a", "/lobby/bob/room", "/lobby/any/thing/else?token=b"}
	for i, w := range want {
		if i >= len(seen) || seen[i] != w {
			t.Fatalf("admitted %q, want %q", seen, want)
		}
	}
	_, err := client.Dial(t.Context(), base+"by", client.Options{TLS: s.secure})
	if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Status != http.StatusNotFound {
		t.Errorf("outside the lobby: %v", err)
	}

	transport := &http3.Transport{TLSClientConfig: s.secure}
	defer transport.Close()
	rsp, err := (&http.Client{Transport: transport}).Get("https://" + s.server.Addr().String() + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, err := io.ReadAll(rsp.Body); err != nil || string(body) != "version 1" {
		t.Errorf("other route: %q, %v", body, err)
	}
}

// Clients of every age look for different settings.
func TestSettings(t *testing.T) {
	s := newSite(t, nil)
	secure := s.secure.Clone()
	secure.NextProtos = []string{http3.NextProtoH3}
	conn, err := quic.DialAddr(t.Context(), s.server.Addr().String(), secure, &quic.Config{EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	cc := (&http3.Transport{EnableDatagrams: true}).NewClientConn(conn)
	select {
	case <-cc.ReceivedSettings():
	case <-t.Context().Done():
		t.Fatal("no settings")
	}
	got := cc.Settings()
	if !got.EnableDatagrams || !got.EnableExtendedConnect {
		t.Errorf("datagrams %v, extended CONNECT %v", got.EnableDatagrams, got.EnableExtendedConnect)
	}
	want := map[uint64]uint64{
		0xffd277:   1, // H3_DATAGRAM, draft 4
		0x2b603742: 1, // ENABLE_WEBTRANSPORT, drafts 2 to 6
		0x2b603743: 1, // WEBTRANSPORT_MAX_SESSIONS, drafts 2 to 6
		0xc671706a: 1, // WEBTRANSPORT_MAX_SESSIONS, draft 7
		0x14e9cd29: 1, // SETTINGS_WT_MAX_SESSIONS, draft 13
		0x2c7cf000: 1, // SETTINGS_WT_ENABLED
	}
	for id, v := range want {
		if got.Other[id] != v {
			t.Errorf("setting %#x = %d, want %d", id, got.Other[id], v)
		}
	}
	if len(got.Other) != len(want) {
		t.Errorf("settings %#v, want %#v", got.Other, want)
	}
}

// The text ping is a sign of life as a datagram and a packet on a stream.
func TestPing(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{})
	if err := c.SendDatagram([]byte(wire.Ping)); err != nil {
		t.Fatal(err)
	}
	if err := c.SendDatagram([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	p, err := held.Conn.Read(t.Context())
	if err != nil || string(p.Data) != "marker" || !p.Datagram {
		t.Errorf("read %q, %v", p.Data, err)
	}
	if err := c.Send(t.Context(), []byte(wire.Ping)); err != nil {
		t.Fatal(err)
	}
	p, err = held.Conn.Read(t.Context())
	if err != nil || string(p.Data) != wire.Ping || p.Datagram {
		t.Errorf("read %q, %v", p.Data, err)
	}
}

// dialLibrary opens a session whose streams a test can treat badly.
func (s *site) dialLibrary(t *testing.T) (*webtransport.Session, *mediatest.Held) {
	t.Helper()
	dialer := webtransport.Transport{TLSClientConfig: s.secure}
	_, sess, err := dialer.Dial(t.Context(), s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := s.hold.Next(t)
	t.Cleanup(func() {
		held.End(nil)
		_ = sess.CloseWithError(0, "")
	})
	return sess, held
}

func TestBidirectionalStreamsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	sess, held := s.dialLibrary(t)
	str, err := sess.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	var refused *webtransport.StreamError
	if _, err := str.Write([]byte("hello")); err != nil && !errors.As(err, &refused) { // it may be refused by now
		t.Fatal(err)
	}
	if _, err := str.Read(make([]byte, 1)); !errors.As(err, &refused) {
		t.Errorf("read from a refused stream: %v", err)
	}
	if err := sess.SendDatagram([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != "marker" {
		t.Errorf("read %q, %v", p.Data, err)
	}
}

// A stream that is not finished holds up no other, and is worth nothing when it is reset.
func TestUnfinishedStreams(t *testing.T) {
	s := newSite(t, nil)
	sess, held := s.dialLibrary(t)
	for range 300 { // more than are read on the side
		str, err := sess.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := str.Write([]byte("half a pack")); err != nil {
			t.Fatal(err)
		}
		defer str.CancelWrite(0)
		if str.StreamID()%8 == 2 {
			str.CancelWrite(0)
		}
	}
	str, err := sess.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := str.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := str.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != "whole" {
		t.Errorf("read %q, %v", p.Data, err)
	}
}

// Small packets that are there are delivered in the order in which they were sent.
func TestOrder(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{})
	const n = 200
	go func() {
		for i := range n {
			if c.Send(t.Context(), []byte{byte(i)}) != nil {
				return // the reader reports what is missing
			}
		}
	}()
	swapped, last := 0, -1
	for range n {
		p, err := held.Conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if int(p.Data[0]) < last {
			swapped++
		}
		last = int(p.Data[0])
	}
	// Not a promise: the library may hand over a late stream after we looked.
	if swapped > n/10 {
		t.Errorf("%d of %d packets came after a later one", swapped, n)
	}
}

// However a client ends its connection, it is an end and not a failure.
func TestPoliteEnds(t *testing.T) {
	for name, leave := range map[string]func(*quic.Conn, *webtransport.Session){
		"session closed": func(_ *quic.Conn, s *webtransport.Session) { _ = s.CloseWithError(0, "") },
		"with a code":    func(_ *quic.Conn, s *webtransport.Session) { _ = s.CloseWithError(4000, "") },
		"connection closed": func(c *quic.Conn, _ *webtransport.Session) {
			_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		},
		"web-transport-quinn": func(c *quic.Conn, _ *webtransport.Session) {
			_ = c.CloseWithError(0x52e4a40fa8db, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			secure := s.secure.Clone()
			secure.NextProtos = []string{http3.NextProtoH3}
			conn, err := quic.DialAddr(t.Context(), s.server.Addr().String(), secure,
				&quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
			if err != nil {
				t.Fatal(err)
			}
			cc, err := (&webtransport.Transport{}).NewClientConn(conn)
			if err != nil {
				t.Fatal(err)
			}
			_, sess, err := cc.Dial(t.Context(), s.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			held := s.hold.Next(t)
			leave(conn, sess)
			if _, err := held.Conn.Read(t.Context()); err != io.EOF {
				t.Errorf("read: %v, want EOF", err)
			}
		})
	}
}

func TestShutdown(t *testing.T) {
	s := newSite(t, nil)
	c, held := s.dial(t, client.Options{})
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(t.Context()) }()
	for { // newcomers are refused from some moment on
		extra, err := client.Dial(t.Context(), s.url, client.Options{TLS: s.secure})
		if e, ok := errors.AsType[*client.RefusedError](err); ok {
			if e.Status != http.StatusServiceUnavailable {
				t.Errorf("refused with %v", e)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s.hold.Next(t).End(nil)
		_ = extra.Close() // it was early
	}
	held.End(nil)
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := c.Receive(t.Context()); err == nil {
		t.Error("the session survived")
	}
}

func TestShutdownAtOnce(t *testing.T) {
	s := newSite(t, nil)
	c, _ := s.dial(t, client.Options{})
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.server.Shutdown(now); err != context.Canceled {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != 1001 {
		t.Errorf("session ended with %v, code %d", err, c.CloseCode())
	}
}
