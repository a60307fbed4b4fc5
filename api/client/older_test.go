package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// olderSite returns the address of a server that takes sessions of older drafts as well, as those for
// browsers do.
func olderSite(t *testing.T, sessions chan<- *webtransport.Session) (addr string) {
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := &webtransport.Server{H3: &http3.Server{
		TLSConfig:  http3.ConfigureTLSConfig(&tls.Config{Certificates: certified.TLS.Certificates}),
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}}
	webtransport.ConfigureHTTP3Server(server.H3)
	server.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/lobby" {
			w.WriteHeader(http.StatusGone)
			return
		}
		if session, err := server.Upgrade(w, r); err == nil {
			sessions <- session
		}
	})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(socket) })
	t.Cleanup(func() {
		_ = server.Close()
		_ = socket.Close()
		serving.Wait()
	})
	return socket.LocalAddr().String()
}

// dialOlderSite returns a session that knows nothing of newer drafts.
func dialOlderSite(ctx context.Context, addr, path string) (*older, error) {
	conn, err := quic.DialAddr(ctx, addr,
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, // it is ours
		&quic.Config{EnableDatagrams: true, MaxIncomingUniStreams: endless})
	if err != nil {
		return nil, err
	}
	return dialOlder(ctx, conn, &url.URL{Scheme: "https", Host: addr, Path: path}, nil)
}

func TestOlderDrafts(t *testing.T) {
	sessions := make(chan *webtransport.Session, 1)
	addr := olderSite(t, sessions)
	o, err := dialOlderSite(t.Context(), addr, "/lobby")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = o.CloseWithError(0, "")
		o.readers.Wait()
	}()
	far := <-sessions

	for _, packet := range []string{"", "a", "packet"} {
		str, err := o.OpenUniStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.WriteString(str, packet); n != len(packet) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := io.WriteString(str, packet); n != len(packet) || err != nil { // without another header
			t.Errorf("%d, %v", n, err)
		}
		if err := str.Close(); err != nil {
			t.Error(err)
		}
		in, err := far.AcceptUniStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(in); string(got) != packet+packet || err != nil {
			t.Errorf("%q, %v; want %q twice", got, err, packet)
		}
	}
	back, err := far.OpenUniStream()
	if err == nil {
		_, err = io.WriteString(back, "back")
	}
	if err != nil || back.Close() != nil {
		t.Fatal(err)
	}
	in, err := o.AcceptUniStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(in); string(got) != "back" || err != nil {
		t.Errorf("%q, %v", got, err)
	}

	if err := o.SendDatagram([]byte("there")); err != nil {
		t.Fatal(err)
	}
	if b, err := far.ReceiveDatagram(t.Context()); string(b) != "there" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := far.SendDatagram([]byte("and back")); err != nil {
		t.Fatal(err)
	}
	if b, err := o.ReceiveDatagram(t.Context()); string(b) != "and back" || err != nil {
		t.Errorf("%q, %v", b, err)
	}

	if err := far.CloseWithError(42, "over"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.AcceptUniStream(t.Context()); err == nil {
		t.Error("a session goes on that the server has ended")
	}
}

func TestOlderDraftsAreRefused(t *testing.T) {
	addr := olderSite(t, nil)
	_, err := dialOlderSite(t.Context(), addr, "/elsewhere")
	if e, ok := errors.AsType[*RefusedError](err); !ok || e.Status != http.StatusGone {
		t.Errorf("%v", err)
	}
}
