package nowait

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
)

// counted counts what the QUIC library calls.
type counted struct {
	*packets
	reads, writes atomic.Int64
}

func (c *counted) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	c.reads.Add(1)
	return c.packets.ReadBatch(ms, flags)
}

func (c *counted) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	c.writes.Add(1)
	return c.packets.WriteMsgUDP(b, oob, to)
}

// The QUIC library finds by itself what a socket can do: it has to find this.
func TestQUICReadsAndWritesPackets(t *testing.T) {
	https := httptest.NewTLSServer(http.NotFoundHandler())
	secure := &tls.Config{Certificates: https.TLS.Certificates, NextProtos: []string{"test"}}
	https.Close()
	c := &counted{packets: socket(t, "udp", ":0")}
	server := &quic.Transport{Conn: c}
	defer server.Close()
	listener, err := server.Listen(secure, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := quic.DialAddr(t.Context(), c.LocalAddr().String(),
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer near.CloseWithError(0, "")
	far, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20 // many packets at a time, both ways
	for _, way := range []struct{ from, to *quic.Conn }{{near, far}, {far, near}} {
		out, err := way.from.OpenUniStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = out.Write(make([]byte, size))
			_ = out.Close()
		}()
		in, err := way.to.AcceptUniStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, in); n != size || err != nil {
			t.Error(n, err)
		}
	}
	if c.reads.Load() == 0 || c.writes.Load() == 0 {
		t.Errorf("%d reads, %d writes", c.reads.Load(), c.writes.Load())
	}
}
