package client_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"

	"parley/api/client"
)

// certified returns the TLS configurations of a server called example.com or 127.0.0.1, and of its clients.
func certified() (server, client *tls.Config) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"test"}},
		&tls.Config{RootCAs: roots, NextProtos: []string{"test"}}
}

// Whom a client talks to is who it wants to talk to, and nothing of a connection is left after it.
func TestDialQUICVerifiesTheName(t *testing.T) {
	server, secure := certified()
	asked := make(chan string, 1)
	server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		asked <- hello.ServerName
		return nil, nil
	}
	here, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	transport := &quic.Transport{Conn: here}
	defer transport.Close() // which a listener does not do for connections whose client gave up before they came about
	if _, err := transport.Listen(server, nil); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(here.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	other := secure.Clone()
	other.ServerName = "example.com"
	for name, c := range map[string]struct {
		addr  string
		tls   *tls.Config
		asks  string // by the client, "-" when it asks nobody
		fails string
	}{
		"address":    {"127.0.0.1:" + port, secure, "", ""},
		"other name": {"127.0.0.1:" + port, other, "example.com", ""},
		"wrong name": {"localhost:" + port, secure, "localhost", "not localhost"},
		"no port":    {"127.0.0.1", secure, "-", "missing port"},
		"no TLS":     {"127.0.0.1:" + port, nil, "", "no application protocol"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			socket, err := net.ListenUDP("udp", nil)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := client.DialQUIC(t.Context(), socket, c.addr, c.tls, nil)
			switch {
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v instead of %q", err, c.fails)
			case c.fails == "" && err != nil:
				t.Error(err)
			}
			if c.asks != "-" {
				if name := <-asked; name != c.asks {
					t.Errorf("it asked for %q", name)
				}
			}
			if conn != nil {
				_ = conn.CloseWithError(0, "")
			}
			if _, _, err := socket.ReadFrom(make([]byte, 1)); err == nil {
				t.Error("the socket is still there")
			}
		})
	}
}
