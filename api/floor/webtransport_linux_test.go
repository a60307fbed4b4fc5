package floor_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// wtMember is a session with one stream each way, which lasts.
type wtMember struct {
	session *webtransport.Session

	mu  sync.Mutex
	out *webtransport.SendStream
}

func newWTMember(ctx context.Context, s *webtransport.Session) (*wtMember, error) {
	out, err := s.OpenUniStreamSync(ctx)
	return &wtMember{session: s, out: out}, err
}

func (w *wtMember) source() (io.Reader, error) {
	return w.session.AcceptUniStream(w.session.Context())
}

func (w *wtMember) discard() {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		in, err := w.source()
		if err != nil {
			return
		}
		all.Go(func() { _, _ = io.Copy(io.Discard, in) })
	}
}

func (w *wtMember) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}

// Limits of streams that are open at once.
const (
	// fewStreams is what browsers grant. The library renews it with every stream that ends, and browsers
	// once for dozens: what they cost lies between this and endlessStreams, which are not renewed.
	fewStreams     = 100
	endlessStreams = 1 << 60
)

// quicOptions are what WebTransport needs, and how many streams the other side may open.
func quicOptions(streams int64) *quic.Config {
	return &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIncomingUniStreams: streams}
}

// wtPackets is a session in which every packet has a stream of its own.
type wtPackets struct{ *wtMember }

func (w *wtPackets) Write(b []byte) (int, error) {
	str, err := w.session.OpenUniStreamSync(w.session.Context())
	if err != nil {
		return 0, err
	}
	if _, err := str.Write(b); err != nil {
		return 0, err
	}
	return len(b), str.Close()
}

// flush waits until all packets are on their way. The library keeps as many as it is given, but streams take
// turns: once most of a write that it does not keep is sent, so is what it was given before.
func (w *wtPackets) flush() error {
	_, err := w.wtMember.Write(make([]byte, 64<<10))
	return err
}

func listenPackets(b *testing.B) (string, func() (member, error)) {
	addr, accept := listenWebTransport(b)
	return addr, func() (member, error) {
		m, err := accept()
		if err != nil {
			return nil, err
		}
		return &wtPackets{m.(*wtMember)}, nil
	}
}

func listenWebTransport(b *testing.B) (string, func() (member, error)) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	sessions := make(chan *webtransport.Session)
	server := &webtransport.Server{H3: &http3.Server{
		TLSConfig:  http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate(b)}}),
		QUICConfig: quicOptions(endlessStreams),
	}}
	server.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := server.Upgrade(w, r)
		if err != nil {
			b.Error(err)
			return
		}
		sessions <- s
	})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(conn) })
	b.Cleanup(func() {
		_ = server.Close()
		_ = conn.Close()
		serving.Wait()
	})
	return conn.LocalAddr().String(), func() (member, error) { return newWTMember(b.Context(), <-sessions) }
}

func dialWebTransport(ctx context.Context, addr string) (member, func(), error) {
	return dialGranting(ctx, addr, endlessStreams)
}

func dialFewStreams(ctx context.Context, addr string) (member, func(), error) {
	return dialGranting(ctx, addr, fewStreams)
}

func dialGranting(ctx context.Context, addr string, streams int64) (member, func(), error) {
	secure := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}} // it is ours
	conn, err := quic.DialAddr(ctx, addr, secure, quicOptions(streams))
	if err != nil {
		return nil, nil, err
	}
	leave := func() { _ = conn.CloseWithError(0, "") }
	var transport webtransport.Transport
	client, err := transport.NewClientConn(conn)
	if err != nil {
		return nil, leave, err
	}
	_, s, err := client.Dial(ctx, "https://"+addr+"/", nil)
	if err != nil {
		return nil, leave, err
	}
	m, err := newWTMember(ctx, s)
	return m, leave, err
}

// BenchmarkFloorWebTransport sends packets through the library alone: many at once on one stream, and
// each on a stream of its own, of which the far end grants few or without end.
func BenchmarkFloorWebTransport(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("stream/size=%d", size), func(b *testing.B) {
			m := dialedByProcess(b, "webtransport")
			packets := make([]byte, batch*size)
			measure(b, size, batch, func() error {
				_, err := m.Write(packets)
				return err
			}, nil)
		})
		for name, way := range map[string]string{"packet": "few-streams", "packet/endless": "packets"} {
			b.Run(fmt.Sprintf("%s/size=%d", name, size), func(b *testing.B) {
				m := dialedByProcess(b, way).(*wtPackets)
				packet := make([]byte, size)
				measure(b, size, 1, func() error {
					_, err := m.Write(packet)
					return err
				}, m.flush)
			})
		}
	}
}
