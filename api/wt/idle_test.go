package wt_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"parley/api/media"
	"parley/api/rooms"
	"parley/api/rooms/roomstest"
	"parley/api/wt"
)

// An idle session has one goroutine for datagrams, one that takes them and reads streams, and one that
// serves the connection. The others are of the libraries.
func TestIdleSessionsAreSmall(t *testing.T) {
	roomstest.Idle{
		Serve: func(t *testing.T, hub *rooms.Hub) func() {
			var users atomic.Int64
			s := newSite(t, func(o *wt.Options) {
				o.Hub = hub
				o.Admit = func(*http.Request) (media.Peer, error) {
					return media.Peer{Room: "room", User: fmt.Sprint("user ", users.Add(1))}, nil
				}
			})
			return s.idle(t)
		},
		Bare:       func(t *testing.T) func() { return bare(t).idle(t) },
		Of:         regexp.MustCompile(`parley/api/(wt|rooms)\.`),
		Goroutines: 4.5,
		Heap:       160 << 10, // with its client; the library alone needs 118
	}.Run(t)
}

// idle returns how to connect, and be told something.
func (s *site) idle(t *testing.T) func() {
	dialer := webtransport.Transport{TLSClientConfig: s.secure}
	return func() {
		_, sess, err := dialer.Dial(t.Context(), s.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sess.CloseWithError(0, "") })
		str, err := sess.AcceptUniStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, str); err != nil {
			t.Fatal(err)
		}
	}
}

// bare is a server of the library that says something and waits for streams.
func bare(t *testing.T) *site {
	serverTLS, clientTLS := certificate(t)
	socket, err := wt.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &webtransport.Server{H3: &http3.Server{TLSConfig: http3.ConfigureTLSConfig(serverTLS), QUICConfig: wt.QUICConfig(patience)}}
	server.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sess, err := server.Upgrade(w, r)
		if err != nil {
			return
		}
		if str, err := sess.OpenUniStream(); err == nil {
			_, _ = str.Write([]byte("welcome"))
			_ = str.Close()
		}
		_, _ = sess.AcceptUniStream(r.Context())
	})
	webtransport.ConfigureHTTP3Server(server.H3)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(socket) })
	t.Cleanup(func() {
		_ = server.Close()
		_ = socket.Close()
		serving.Wait()
	})
	return &site{url: "https://" + socket.LocalAddr().String() + "/lobby", secure: clientTLS}
}
