//go:build unix

package ws_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/ws"
)

// numbered is a packet that says which one it is.
func numbered(i, size int) []byte {
	b := bytes.Repeat([]byte{byte(i) | 1}, max(size, 8))
	binary.BigEndian.PutUint32(b[1:], uint32(i))
	return b
}

// What the network does not take at once is not lost, and nothing passes it: whether a packet is
// offered or written, they arrive in order.
func TestOffersWithoutRoom(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			// Pings come in between, and batches that end in the middle of a packet.
			s := newSite(t, secure, func(o *ws.Options) { o.Ping = 3 * time.Millisecond })
			c, held := s.dial(t, client.Options{Inbox: 1})
			conn := held.Conn.(media.EagerConn)
			sizes := []int{8, 125, 126, 1200, 16_000, 60_000, 65_535, 65_536, 70_000, 150_000}
			const batches, each = 40, 5
			full, read := 0, make(chan error, 1)
			begin := make(chan struct{})
			go func() {
				<-begin
				for i := range batches * each {
					p, err := c.Receive(ctx)
					if err == nil && !bytes.Equal(p.Data, numbered(i, sizes[i%len(sizes)])) {
						t.Errorf("packet %d: %d bytes, %x…", i, len(p.Data), p.Data[:min(len(p.Data), 8)])
					}
					if err != nil {
						read <- err
						return
					}
				}
				read <- nil
			}()
			for b := range batches {
				var frames []*media.Frame
				for i := range each {
					n := b*each + i
					frames = append(frames, &media.Frame{Wire: numbered(n, sizes[n%len(sizes)])})
				}
				left, ok := conn.Offer(frames)
				if ok {
					continue
				}
				if full++; full == 1 {
					close(begin) // only now somebody reads
				}
				if err := conn.Write(ctx, left); err != nil {
					t.Fatal(err)
				}
			}
			if full == 0 {
				t.Fatal("there was always room")
			}
			if err := <-read; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A receiver that reads nothing is never waited for by an offer, and Write says that it is slow.
func TestOffersToWhoReadsNothing(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, secure, func(o *ws.Options) { o.Write = 200 * time.Millisecond })
			_, held := s.dial(t, client.Options{Inbox: 1})
			conn := held.Conn.(media.EagerConn)
			frames := []*media.Frame{{Wire: make([]byte, 60_000)}}
			offered := 0
			for ok := true; ok; offered++ {
				_, ok = conn.Offer(frames)
			}
			for range 3 { // whoever tries again gets nothing in between
				if left, ok := conn.Offer(frames); ok || len(left) != 1 {
					t.Fatalf("took %d more", 1-len(left))
				}
			}
			err := conn.Write(t.Context(), nil)
			for err == nil { // the client's library reads ahead
				if _, ok := conn.Offer(frames); !ok {
					err = conn.Write(t.Context(), nil)
				}
			}
			if offered == 0 || fault.CodeOf(err) != fault.Slow {
				t.Errorf("%d offers, then %v", offered, err)
			}
		})
	}
}

// openRaw returns the server's end of a connection to a client that discards what it gets.
func openRaw(t testing.TB, secure bool) media.Conn {
	s := newSite(t, secure, nil)
	raw, held := s.raw(t)
	go func() { _, _ = io.Copy(io.Discard, raw) }() // ends with raw
	return held.Conn
}

func TestOffersDoNotAllocate(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			conn := openRaw(t, secure).(media.EagerConn)
			frames := []*media.Frame{{Wire: make([]byte, 1200)}, {Wire: make([]byte, 160)}}
			if n := mediatest.Allocs(func() {
				if left, ok := conn.Offer(frames); !ok {
					_ = conn.Write(t.Context(), left)
				}
			}); n != 0 {
				t.Errorf("%v allocations for two offers", n)
			}
		})
	}
}
