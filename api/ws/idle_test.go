package ws_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/rooms/roomstest"
	"parley/api/ws"
)

// An idle connection is one goroutine that reads, without buffers.
func TestIdleSessionsAreSmall(t *testing.T) {
	roomstest.Idle{
		Serve: func(t *testing.T, hub *rooms.Hub) func() {
			var users atomic.Int64
			s := newSite(t, false, func(o *ws.Options) {
				o.Hub, o.Ping, o.Idle = hub, time.Hour, 2*time.Hour
				o.Admit = func(*http.Request) (media.Peer, error) {
					return media.Peer{Room: "room", User: fmt.Sprint("user ", users.Add(1))}, nil
				}
			})
			return func() { idle(t, s.Listener.Addr()) }
		},
		Bare: func(t *testing.T) func() {
			s := httptest.NewServer(http.HandlerFunc(answerEach))
			t.Cleanup(s.Close)
			return func() { idle(t, s.Listener.Addr()) }
		},
		Of:         regexp.MustCompile(`parley/api/(ws|rooms)\.|coder/websocket|net/http`),
		Goroutines: 1.5,
		Heap:       13 << 10, // the library alone needs 14
	}.Run(t)
}

// answerEach is a server of the library that sends back what comes.
func answerEach(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for {
		typ, packet, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), typ, packet) != nil {
			return
		}
	}
}

// idle connects, answers a ping that nobody sent, as clients do all the time, and is silent once a probe
// came back.
func idle(t *testing.T, addr net.Addr) {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	probe := mediatest.Probe()
	const pong = "\x8a\x80\x00\x00\x00\x00" // with a mask that changes nothing, as that of the probe
	said := slices.Concat([]byte(handshake+pong), []byte{0x82, 0x80 | byte(len(probe)), 0, 0, 0, 0}, probe)
	if _, err := conn.Write(said); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReaderSize(conn, 16)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	for packet := []byte(nil); !bytes.Equal(packet, probe); {
		head := make([]byte, 2, 4)
		_, err := io.ReadFull(r, head)
		size := int(head[1])
		if size == 126 {
			_, err = io.ReadFull(r, head[2:4])
			size = int(binary.BigEndian.Uint16(head[2:4]))
		}
		packet = make([]byte, size)
		if _, last := io.ReadFull(r, packet); err != nil || last != nil {
			t.Fatal(err, last)
		}
	}
}
