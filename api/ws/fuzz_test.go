package ws

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/api/fault"
	"parley/api/wire"
)

// hijackable is a response that gives its connection away.
type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// FuzzRead lets a client say anything after the handshake.
func FuzzRead(f *testing.F) {
	const mask = "\x00\x00\x00\x00"
	for _, seed := range []string{
		"", "\x82\x80" + mask, "\x82\x83" + mask + "abc", "\x81\x83" + mask + "abc",
		"\x02\x81" + mask + "a" + "\x89\x80" + mask + "\x80\x81" + mask + "b", // a ping between fragments
		"\x88\x82" + mask + "\x03\xe8", "\x88\x80" + mask, "\x88\x81" + mask + "a",
		"\x82\xfe\x10\x00" + mask + string(make([]byte, 4096)),
		"\x82\xff\x00\x00\x00\x00\x00\x3d\x09\x01" + mask, "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + mask,
		"\xc2\x81" + mask + "a", "\x80\x81" + mask + "a", "\x82\x01a", "\x8b\x80" + mask,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		r := httptest.NewRequest(http.MethodGet, "/lobby", nil)
		for k, v := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(k, v)
		}
		up := &upgrade{ResponseWriter: hijackable{httptest.NewRecorder(), near}, timeout: time.Minute}
		sock, err := websocket.Accept(up, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(sock, up.link, DefaultMessage)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, far)
		}()
		go func() { // ends with far
			_, _ = far.Write(said)
			_ = far.Close()
		}()
		for {
			p, err := c.Read(context.Background())
			if err != nil {
				var fe *fault.Error
				if errors.As(err, &fe) && fe.Code != fault.Protocol && fe.Code != fault.TooLarge {
					t.Errorf("read: %v", err)
				}
				break
			}
			if len(p.Data) > len(said) || len(p.Data) > wire.MaxPacket || cap(p.Data)-len(p.Data) < wire.StampRoom {
				t.Errorf("packet of %d bytes, capacity %d, out of %d", len(p.Data), cap(p.Data), len(said))
			}
		}
		c.fail(errClosed) // a handshake would wait for an answer
		<-done
	})
}
