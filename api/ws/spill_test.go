package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/wire"
)

// A receiver on a narrow path has as much time for a large picture as it needs, whoever began to
// send it, while one that takes nothing is given up.
func TestFlushLastsAsLongAsThePeerGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 4 * time.Second
		server, client := net.Pipe()
		defer server.Close()
		defer client.Close()
		s := newSpill(server)
		if err := s.eager(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(make([]byte, wire.MaxPacket)); err != nil {
			t.Fatal(err)
		}
		read := make(chan int64)
		go func() {
			var all int64
			for all < wire.MaxPacket { // 12 KB/s
				<-time.After(time.Second)
				n, err := io.CopyN(io.Discard, client, min(12<<10, wire.MaxPacket-all))
				all += n
				if err != nil {
					break
				}
			}
			read <- all
		}()
		began := time.Now()
		if err := s.flush(timeout); err != nil {
			t.Errorf("after %v: %v", time.Since(began), err)
			server.Close()
		}
		if n := <-read; n != wire.MaxPacket {
			t.Errorf("%d bytes came", n)
		}

		if _, err := s.Write(make([]byte, wire.MaxPacket)); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if err := s.flush(timeout); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != timeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
