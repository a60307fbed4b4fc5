package wt_test

import (
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// A request whose headers come byte by byte does not keep its connection; a session does.
func TestRequestsThatNeverBegin(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		c, held := w.session(t)
		conf := w.secure.Clone()
		conf.NextProtos = []string{http3.NextProtoH3}
		half, err := w.dial(t.Context(), "", conf, &quic.Config{EnableDatagrams: true, KeepAlivePeriod: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		str, err := half.OpenStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rest := make([]byte, 60)
		_, _ = str.Write([]byte{1, 0x40, 0x80}) // HEADERS of 128 bytes (RFC 9114, 7.2.2)
		drip := time.NewTicker(time.Second)
		defer drip.Stop()
		for half.Context().Err() == nil && len(rest) > 0 {
			select {
			case <-drip.C:
				_, _ = str.Write(rest[:1]) // it fails once the server has had enough
				rest = rest[1:]
			case <-half.Context().Done():
			}
			if len(rest)%20 == 0 {
				_ = c.SendDatagram([]byte("ping")) // that of a session which lives
			}
		}
		if took := time.Since(start); took < 20*time.Second || took > 33*time.Second {
			t.Errorf("the connection lasted for %v", took)
		}
		if begun, asked := w.begun.Load(), w.asked.Load(); begun != 2 || asked != 1 {
			t.Errorf("%d requests over %d connections", asked, begun)
		}
		if err := c.SendDatagram([]byte("marker")); err != nil {
			t.Fatal(err)
		}
		for {
			p, err := held.Conn.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if string(p.Data) == "marker" {
				break
			}
		}
		held.End(nil)
		<-c.Done()
		_ = c.Close()
	})
}

// Connections that come together and never ask for anything do not end together.
func TestSilentConnectionsDisperse(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		conf := w.secure.Clone()
		conf.NextProtos = []string{http3.NextProtoH3}
		const crowd = 12
		ends := make(chan time.Duration, crowd)
		for range crowd {
			c, err := w.dial(t.Context(), "", conf, &quic.Config{EnableDatagrams: true, KeepAlivePeriod: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			go func() {
				<-c.Context().Done()
				ends <- time.Since(began)
			}()
		}
		seconds := map[int]bool{}
		for range crowd {
			took := <-ends
			if took < 20*time.Second || took > 33*time.Second {
				t.Errorf("a connection lasted for %v", took)
			}
			seconds[int(took.Seconds())] = true
		}
		if len(seconds) < 4 {
			t.Errorf("%d connections end within %d of the seconds", crowd, len(seconds))
		}
	})
}
