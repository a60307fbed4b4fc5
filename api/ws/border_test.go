//go:build unix

package ws_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/ws"
)

// frameOf reads one frame of a server, which has no mask and is whole.
func frameOf(r *bufio.Reader) (opcode byte, payload []byte, err error) {
	var h [10]byte
	if _, err := io.ReadFull(r, h[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(h[1])
	switch size {
	case 126:
		_, err = io.ReadFull(r, h[2:4])
		size = uint64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		_, err = io.ReadFull(r, h[2:10])
		size = binary.BigEndian.Uint64(h[2:])
	}
	if err != nil {
		return 0, nil, err
	}
	if h[0]&0xf0 != 0x80 || size > 1<<20 {
		return 0, nil, fmt.Errorf("no frame begins with %x", h)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r, payload)
	return h[0] & 0xf, payload, err
}

// Pings, pongs and the end come between packets, from whichever goroutine and however narrow the path is;
// no pong is missing, and nothing follows the end.
func TestControlFramesComeBetweenPackets(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, secure, func(o *ws.Options) { o.Ping = time.Millisecond })
			raw, held := s.raw(t)
			in := bufio.NewReader(raw)
			if _, err := http.ReadResponse(in, nil); err != nil {
				t.Fatal(err)
			}
			go func() { // ends with the connection
				for {
					if _, err := held.Conn.Read(t.Context()); err != nil {
						return
					}
				}
			}()
			const pings, batches = 300, 20
			go func() { // ends with the connection
				for i := range pings {
					if _, err := raw.Write(pingOf(i)); err != nil {
						return
					}
				}
			}()
			sizes := []int{8, 125, 126, 1200, 65_526, 65_527, 65_536, 200_000}
			written := make(chan error, 1)
			go func() { written <- writeNumbered(t, held.Conn.(media.EagerConn), batches, sizes) }()

			packets, pongs, asked := 0, 0, 0
			for packets < batches*len(sizes) || pongs < pings {
				op, payload, err := frameOf(in)
				switch {
				case err != nil:
					t.Fatalf("after %d packets and %d pongs: %v", packets, pongs, err)
				case op == 0x2:
					if !bytes.Equal(payload, numbered(packets, sizes[packets%len(sizes)])) {
						t.Fatalf("packet %d: %d bytes, %x…", packets, len(payload), payload[:min(len(payload), 8)])
					}
					packets++
				case op == 0xa:
					if want := pingOf(pongs)[6:]; !bytes.Equal(payload, want) {
						t.Fatalf("pong %d: %q", pongs, payload)
					}
					pongs++
				case op == 0x9:
					asked++
					if _, err := raw.Write(masked(0xa, payload)); err != nil {
						t.Fatal(err)
					}
				default:
					t.Fatalf("opcode %x", op)
				}
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
			if asked == 0 {
				t.Error("nothing was asked meanwhile")
			}
			endsWithClose(t, held.Conn, raw, in)
		})
	}
}

// writeNumbered writes packets of all sizes in each batch.
func writeNumbered(t *testing.T, conn media.EagerConn, batches int, sizes []int) error {
	for b := range batches {
		frames := make([]*media.Frame, len(sizes))
		for i, size := range sizes {
			frames[i] = &media.Frame{Wire: numbered(b*len(sizes)+i, size)}
		}
		if b%3 != 0 {
			left, ok := conn.Offer(frames)
			if ok {
				continue
			}
			frames = left
		}
		if err := conn.Write(t.Context(), frames); err != nil {
			return err
		}
	}
	return nil
}

// pingOf is a ping as large as there are.
func pingOf(i int) []byte { return masked(0x9, fmt.Appendf(nil, "%0125d", i)) }

// masked is a control frame of a client, with a mask that changes nothing.
func masked(opcode byte, payload []byte) []byte {
	return append([]byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func endsWithClose(t *testing.T, conn media.Conn, raw net.Conn, in *bufio.Reader) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- conn.Close(fault.Bye) }()
	var said []byte
	for op := byte(0); op != 0x8; {
		var err error
		if op, said, err = frameOf(in); err != nil {
			t.Fatalf("before the end: %v", err)
		}
	}
	if err := conn.Write(t.Context(), []*media.Frame{{Wire: numbered(0, 8)}}); err == nil {
		t.Error("written after the end")
	}
	if _, ok := conn.(media.EagerConn).Offer([]*media.Frame{{Wire: numbered(0, 8)}}); ok {
		t.Error("taken after the end")
	}
	if _, err := raw.Write(masked(0x8, said)); err != nil {
		t.Error(err)
	}
	if op, payload, err := frameOf(in); err == nil {
		t.Errorf("after the end: opcode %x, %d bytes", op, len(payload))
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
