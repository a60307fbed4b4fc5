package ws_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/ws"
)

// What waits for a receiver that does not read waits in its queue, which knows what is stale,
// and not in the kernel.
func TestKernelHoldsLittle(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, secure, func(o *ws.Options) { o.Write = 500 * time.Millisecond })
			raw, err := net.Dial("tcp", s.URL[strings.Index(s.URL, "//")+2:])
			if err != nil {
				t.Fatal(err)
			}
			if err := raw.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
				t.Fatal(err)
			}
			if secure {
				roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				raw = tls.Client(raw, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
			}
			defer raw.Close()
			if _, err := io.WriteString(raw, handshake); err != nil {
				t.Fatal(err)
			}
			held := s.hold.Next(t)
			defer held.End(nil)
			frame := []*media.Frame{{Wire: make([]byte, 10_000)}}
			taken := 0
			for held.Conn.Write(t.Context(), frame) == nil { // until the deadline of one
				taken += len(frame[0].Wire)
			}
			t.Logf("%d bytes were taken", taken)
			if taken > 512<<10 {
				t.Errorf("%d bytes were taken for a receiver that reads nothing", taken)
			}
		})
	}
}
