package ws

import (
	"bufio"
	"bytes"
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
	"parley/api/media"
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

// accepted is a connection right after the handshake, and what the client has in hands.
func accepted(t *testing.T) (c *conn, far net.Conn) {
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
	return newConn(sock, up.link, &Options{Message: DefaultMessage}), far
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
		c, far := accepted(t)
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

// FuzzWrite compares what is written with what the library would write.
func FuzzWrite(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 125, 0, 126, 0, 127, 4, 176, 255, 255, 0, 8})
	f.Add([]byte{255, 245, 255, 246, 255, 247, 0, 2, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, sizes []byte) {
		var frames []*media.Frame
		for i := 0; i+1 < len(sizes) && i < 64; i += 2 {
			size := int(sizes[i])<<8 | int(sizes[i+1])
			if sizes[i]%16 == 5 {
				size *= 8 // up to 512 KiB
			}
			frames = append(frames, &media.Frame{Wire: bytes.Repeat([]byte{byte(i)}, size)})
		}
		written := func(c *conn, far net.Conn, write func() error) []byte {
			all := make(chan []byte)
			go func() { // ends with far
				b, _ := io.ReadAll(far)
				all <- b
			}()
			if err := write(); err != nil {
				t.Error(err)
			}
			c.fail(errClosed)
			return <-all
		}
		ours, far := accepted(t)
		got := written(ours, far, func() error { return ours.Write(t.Context(), frames) })
		// The library writes through a link of its own, as if each piece were a control frame.
		theirs, far := accepted(t)
		want := written(theirs, far, func() error {
			for _, f := range frames {
				if err := theirs.sock.Write(t.Context(), websocket.MessageBinary, f.Wire); err != nil {
					return err
				}
			}
			return nil
		})
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes, where the library writes %d", len(got), len(want))
		}
	})
}
