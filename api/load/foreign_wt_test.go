package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"google.golang.org/protobuf/proto"

	"parley/api/client"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// streamer is a server that knows no other framing over WebTransport than long-lived streams, whatever
// is asked for.
type streamer struct {
	web     *webtransport.Server
	serving sync.WaitGroup

	mu      sync.Mutex
	members map[*webtransport.Session]*webtransport.SendStream
}

// serveStreams returns where a streamer listens until the test ends.
func serveStreams(t *testing.T) (url string) {
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &streamer{
		web: &webtransport.Server{H3: &http3.Server{
			TLSConfig:  http3.ConfigureTLSConfig(&tls.Config{Certificates: certified.TLS.Certificates}),
			QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		}},
		members: make(map[*webtransport.Session]*webtransport.SendStream),
	}
	webtransport.ConfigureHTTP3Server(s.web.H3)
	s.web.H3.Handler = s
	s.serving.Go(func() { _ = s.web.Serve(conn) })
	t.Cleanup(func() {
		_ = s.web.Close()
		_ = conn.Close()
		s.serving.Wait()
	})
	return "https://" + conn.LocalAddr().String()
}

func (s *streamer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session, err := s.web.Upgrade(w, r)
	if err != nil {
		return
	}
	out, err := session.OpenUniStream()
	if err != nil {
		return
	}
	hello, _ := proto.Marshal(&callv1.PacketWrapper{PacketType: callv1.PacketWrapper_SESSION_ASSIGNED, SessionId: 7})
	s.mu.Lock()
	s.members[session] = out
	write(out, hello)
	s.mu.Unlock()
	s.serving.Go(func() {
		for {
			str, err := session.AcceptUniStream(context.Background())
			if err != nil {
				break
			}
			s.serving.Go(func() { s.relay(session, bufio.NewReader(str)) })
		}
		s.mu.Lock()
		delete(s.members, session)
		s.mu.Unlock()
	})
}

// relay passes on what comes in one stream.
func (s *streamer) relay(from *webtransport.Session, in io.Reader) {
	for {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(length[:])
		if n > wire.MaxPacket { // as what is no length mostly is
			return
		}
		packet := make([]byte, n)
		if _, err := io.ReadFull(in, packet); err != nil {
			return
		}
		back := wire.Classify(packet).Class == wire.RTT
		s.mu.Lock()
		for to, out := range s.members {
			if back == (to == from) {
				write(out, packet)
			}
		}
		s.mu.Unlock()
	}
}

func write(out io.Writer, packet []byte) {
	_, _ = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(packet))), packet...))
}

// Whoever compares servers does not have to know in which framing they speak.
func TestFramingOfTheServerIsSpoken(t *testing.T) {
	url := serveStreams(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	plan := Plan{
		URLs: []string{url}, Framing: client.FramingAuto, Room: "r", Rooms: 1, Publishers: 1, Viewers: 1,
		AudioKbps: 32, TalkShare: 1, VideoKbps: 300, FPS: 30, Layers: 1, KeyframeEvery: 100 * time.Millisecond,
		Duration: 300 * time.Millisecond, Drain: time.Minute, Probe: 20 * time.Millisecond,
	}
	for plan.WarmUp = 100 * time.Millisecond; ; plan.WarmUp *= 2 { // a busy machine may need more
		r, err := Run(ctx, plan, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Received["healthy"]; got.Lost != 0 || r.Joins.Unnumbered != 0 || r.Plan.Framing != "stream" {
			t.Fatalf("%+v, %+v, framing %q", got, r.Joins, r.Plan.Framing)
		}
		if r.Kinds["audio"].Delivered > 0 && r.Kinds["video"].Delivered > 0 && r.RTT.Count > 0 {
			return
		}
	}
}
