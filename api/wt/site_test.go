package wt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/webtransport-go"
	"go.uber.org/goleak"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wt"
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
	opt := wt.Options{
		PacketConn: socket, TLS: serverTLS, Hub: s.hold, Admit: admitAll, Log: logTo(t),
		Idle: patience, Quiet: patience, Write: patience, Request: patience,
	}
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
