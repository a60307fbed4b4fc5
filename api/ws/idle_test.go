package ws_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/ws"
)

// An idle connection is one goroutine that reads, without buffers.
func TestIdleSessionsAreSmall(t *testing.T) {
	mediatest.Idle{
		Serve: func(t *testing.T, hub *media.Hub) func() {
			var users atomic.Int64
			s := newSite(t, false, func(o *ws.Options) {
				o.Hub, o.Ping, o.Idle = hub, time.Hour, 2*time.Hour
				o.Admit = func(*http.Request) (media.Peer, error) {
					return media.Peer{Room: "room", User: fmt.Sprint("user ", users.Add(1))}, nil
				}
			})
			return func() {
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				if _, err := io.WriteString(conn, handshake); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReaderSize(conn, 16)
				for line := ""; line != "\r\n"; {
					if line, err = r.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := r.ReadByte(); err != nil { // of the session's number
					t.Fatal(err)
				}
			}
		},
		Of:         regexp.MustCompile(`parley/api/(ws|media)\.|coder/websocket|net/http`),
		Goroutines: 1.5,
		Heap:       10 << 10,
	}.Run(t)
}
