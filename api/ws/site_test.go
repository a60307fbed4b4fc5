package ws_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var peer = media.Peer{Room: "room", User: "alice"}

// patience is what a server of a [site] has with a client whose machine is busy. What its own
// deadlines do is tested in fake time, or with shorter ones.
const patience = 2 * time.Minute

func admitAll(*http.Request) (media.Peer, error) { return peer, nil }

func logTo(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// site is a running server. Its clean-up waits for all sessions.
type site struct {
	*httptest.Server
	hold *mediatest.Hold
	ws   *ws.Server
}

func newSite(t testing.TB, secure bool, change func(*ws.Options)) *site {
	hold := mediatest.NewHold()
	opt := ws.Options{Hub: hold, Admit: admitAll, Log: logTo(t), Idle: patience, Write: patience, Message: patience}
	if change != nil {
		change(&opt)
	}
	s := &site{hold: hold, ws: ws.New(opt)}
	s.Server = httptest.NewUnstartedServer(s.ws)
	s.Listener = ws.Listener(s.Listener)
	s.Config.ErrorLog = slog.NewLogLogger(opt.Log.Handler(), slog.LevelInfo)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.ws.Shutdown(now)
		s.Close()
	})
	return s
}

func (s *site) url() string { return "ws" + strings.TrimPrefix(s.URL, "http") + "/lobby" }

func (s *site) dial(t testing.TB, opt client.Options) (*client.Client, *mediatest.Held) {
	t.Helper()
	if s.TLS != nil {
		opt.TLS = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	}
	c, err := client.Dial(t.Context(), s.url(), opt)
	if err != nil {
		t.Fatal(err)
	}
	held := s.hold.Next(t)
	t.Cleanup(func() {
		_ = c.Close() // most tests end it in their own way
		held.End(nil)
	})
	return c, held
}

// raw is a client that does all by hand, after the handshake. Its answer is the first thing to read.
func (s *site) raw(t testing.TB) (net.Conn, *mediatest.Held) {
	t.Helper()
	addr := s.URL[strings.Index(s.URL, "//")+2:]
	var raw net.Conn
	var err error
	if s.TLS == nil {
		raw, err = net.Dial("tcp", addr)
	} else {
		roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		raw, err = tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(raw, handshake); err != nil {
		t.Fatal(err)
	}
	held := s.hold.Next(t)
	t.Cleanup(func() {
		_ = raw.Close() // most tests end it in their own way
		held.End(nil)
	})
	return raw, held
}

// far makes a client the far end of the contract.
type far struct{ *client.Client }

func (f far) Receive(ctx context.Context) ([]byte, bool, error) {
	p, err := f.Client.Receive(ctx)
	return p.Data, p.Datagram, err
}

func isTimeout(err error) bool { return err == context.DeadlineExceeded }

// handshake is what a client says that does the rest by hand.
const handshake = "GET /lobby HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
