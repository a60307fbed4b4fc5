package lossy_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"

	"parley/api/client"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// Of a call in which much is sent: as if of five who speak, and of ten cameras. It takes as long each
// way between server and clients.
const (
	manySounds   = 250 // a second
	manyPictures = 300
	oneWay       = 20 * time.Millisecond

	// oldestRationed is both ways to the client, a round trip in the queue, one more with who writes, and
	// half of one for luck.
	oldestRationed = 7 * oneWay
)

// Every packet needs a stream, and a client may let fewer be open than are sent in a round trip. In
// fake time, so that nothing but its leave is waited for: what gets through has not waited for
// much longer than a round trip, pictures that are too much are dropped before voices are, and what is
// allowed is used.
func TestFewStreamsMakeNothingOld(t *testing.T) {
	for _, tt := range []struct {
		streams          int64
		sounds, pictures int // a second, at least
	}{
		{100, 240, 290},
		{16, 240, 10},
		{4, 60, 0}, // of 100 that are allowed
	} {
		t.Run(fmt.Sprint(tt.streams), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sounds, pictures := manyPackets(t, tt.streams)
				for name, l := range map[string][]time.Duration{"sounds": sounds, "pictures": pictures} {
					if len(l) == 0 {
						continue
					}
					slices.Sort(l)
					usual, late := l[len(l)/2], l[len(l)*99/100]
					t.Logf("%d %s a second, half of them within %v, all but 1 of 100 within %v", len(l)/manySeconds, name, usual, late)
					if late > oldestRationed {
						t.Errorf("%s are too old", name)
					}
				}
				if len(sounds) < tt.sounds*manySeconds || len(pictures) < tt.pictures*manySeconds {
					t.Errorf("%d sounds and %d pictures came in %d s", len(sounds), len(pictures), manySeconds)
				}
			})
		})
	}
}

// manySeconds of what is sent count, after what it takes until there is a shortage.
const manySeconds = 3

// receipts note how long what counts was on its way, by kind.
type receipts struct {
	wantKey atomic.Bool
	mu      sync.Mutex
	took    map[callv1.MediaPacket_MediaType][]time.Duration
}

func (r *receipts) note(since time.Time) func(client.Packet) {
	return func(p client.Packet) {
		_, m, err := client.Parse(p.Data)
		if err != nil || m == nil {
			return
		}
		if m.MediaType == callv1.MediaPacket_KEYFRAME_REQUEST {
			r.wantKey.Store(true)
			return
		}
		sent := time.Duration(m.Timestamp * float64(time.Second))
		if now := time.Since(since); now > 0 && now < manySeconds*time.Second {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.took[m.MediaType] = append(r.took[m.MediaType], now-sent)
		}
	}
}

// manyPackets returns how long those took that count, to a client that lets so many streams be open.
func manyPackets(t *testing.T, streams int64) (sounds, pictures []time.Duration) {
	net4 := &simnet.Simnet{Router: new(simnet.PerfectRouter)}
	link := simnet.NodeBiDiLinkSettings{Latency: oneWay}
	server := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}
	socket := net4.NewEndpoint(server, link)
	sockets := []*simnet.SimConn{
		net4.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1000}, link),
		net4.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 3), Port: 1000}, link),
	}
	if err := net4.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net4.Close() })
	n := serve(t, rooms.DefaultQueueLimits(), nil, socket, 0)
	since := time.Now().Add(2 * time.Second)

	join := func(socket *simnet.SimConn, user string, streams int64) (*client.Client, *receipts) {
		r := &receipts{took: map[callv1.MediaPacket_MediaType][]time.Duration{}}
		transport := &quic.Transport{Conn: socket}
		c, err := client.Dial(t.Context(), n.secure+"?user="+user, client.Options{
			TLS: &tls.Config{InsecureSkipVerify: true}, On: r.note(since), QUIC: &quic.Config{MaxIncomingUniStreams: streams},
			DialQUIC: func(ctx context.Context, _ string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
				return transport.Dial(ctx, server, secure, conf)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = c.Close()
			_ = transport.Close()
			_ = socket.Close()
		})
		if err := c.Send(t.Context(), mediatest.Heartbeat()); err != nil {
			t.Fatal(err)
		}
		return c, r
	}
	ada, asked := join(sockets[0], "ada", 100)
	_, got := join(sockets[1], "bob", streams)

	var number uint64
	for time.Since(since) < manySeconds*time.Second {
		send := func(typ callv1.MediaPacket_MediaType, key bool, size int) {
			number++
			if err := ada.Send(t.Context(), stamped(typ, number, key, size, since)); err != nil {
				t.Error(err)
			}
		}
		for range manySounds / 50 {
			send(callv1.MediaPacket_AUDIO, false, 80)
		}
		for range manyPictures / 50 {
			send(callv1.MediaPacket_VIDEO, asked.wantKey.Swap(false), 1000)
		}
		<-time.After(time.Second / 50)
	}
	<-time.After(time.Second)
	got.mu.Lock()
	defer got.mu.Unlock()
	return got.took[callv1.MediaPacket_AUDIO], got.took[callv1.MediaPacket_VIDEO]
}
