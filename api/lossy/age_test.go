package lossy_test

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// narrow is a network in fake time: towards some addresses it is slow, holds a little and loses
// more.
type narrow struct {
	simnet.PerfectRouter

	mu    sync.Mutex
	dice  *rand.Rand
	slow  map[int]bool // by port
	empty map[int]time.Time
}

// Of what is narrow.
const (
	narrowLoss = .05
	narrowBits = 1_000_000 // a second
	narrowHeld = 200 * time.Millisecond
)

func (n *narrow) SendPacket(p simnet.Packet) error {
	to := p.To.(*net.UDPAddr).Port
	if !n.slow[to] {
		return n.PerfectRouter.SendPacket(p)
	}
	n.mu.Lock()
	now := time.Now()
	wait := max(n.empty[to].Sub(now), 0)
	if n.dice.Float64() < narrowLoss || wait > narrowHeld {
		n.mu.Unlock()
		return nil
	}
	wait += time.Duration(len(p.Data)*8) * time.Second / narrowBits
	n.empty[to] = now.Add(wait)
	n.mu.Unlock()
	time.AfterFunc(wait, func() { _ = n.PerfectRouter.SendPacket(p) })
	return nil
}

// Paced as in a call, in fake time: who has less than what is sent, and loses some of it, is told all
// that is said, soon, and sees pictures that are no older than they may be.
func TestNothingIsOldOnANarrowPath(t *testing.T) {
	for over, framing := range map[way]client.Framing{overPackets: client.FramingPacket, overStreams: client.FramingStream} {
		t.Run(string(over), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { narrowCall(t, framing) })
		})
	}
}

// listener notes how old packets are when they come.
type listener struct {
	mu             sync.Mutex
	sounds         int
	video          map[uint64]bool
	sound, picture time.Duration // the oldest of each
}

func (l *listener) hear(began time.Time) func(client.Packet) {
	return func(p client.Packet) {
		_, m, err := client.Parse(p.Data)
		if err != nil || m == nil {
			return
		}
		age := time.Since(began) - time.Duration(m.Timestamp*float64(time.Second))
		l.mu.Lock()
		defer l.mu.Unlock()
		switch m.MediaType {
		case callv1.MediaPacket_AUDIO:
			l.sounds++
			l.sound = max(l.sound, age)
		case callv1.MediaPacket_VIDEO:
			l.video[m.VideoMetadata.GetSequence()] = m.FrameType == "key"
			l.picture = max(l.picture, age)
		}
	}
}

func narrowCall(t *testing.T, framing client.Framing) {
	const slowPort = 2000
	network := &narrow{dice: rand.New(rand.NewPCG(1, 2)), slow: map[int]bool{slowPort: true}, empty: map[int]time.Time{}}
	net4 := &simnet.Simnet{Router: network}
	link := simnet.NodeBiDiLinkSettings{Latency: 20 * time.Millisecond}
	server := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}
	socket := net4.NewEndpoint(server, link)
	sockets := map[int]*simnet.SimConn{}
	for _, port := range []int{1000, 1001, slowPort} {
		sockets[port] = net4.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: port}, link)
	}
	if err := net4.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net4.Close() })
	n := serve(t, rooms.DefaultQueueLimits(), nil, socket, 0)

	began := time.Now()
	join := func(port int, user string, l *listener) *client.Client {
		transport := &quic.Transport{Conn: sockets[port]}
		c, err := client.Dial(t.Context(), n.secure+"?user="+user, client.Options{
			TLS: &tls.Config{InsecureSkipVerify: true}, Framing: framing, On: l.hear(began),
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
			_ = sockets[port].Close()
		})
		if err := c.Send(t.Context(), mediatest.Heartbeat()); err != nil {
			t.Fatal(err)
		}
		return c
	}
	own, well, slow := &listener{video: map[uint64]bool{}}, &listener{video: map[uint64]bool{}}, &listener{video: map[uint64]bool{}}
	ada := join(1000, "ada", own)
	join(1001, "well", well)
	join(slowPort, "slow", slow)
	<-time.After(time.Second)

	const sounds, pictures = 250, 150 // of five seconds
	send := func(packet []byte) {
		if err := ada.Send(t.Context(), packet); err != nil {
			t.Error(err)
		}
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range sounds {
			send(stamped(callv1.MediaPacket_AUDIO, uint64(i+1), false, 80, began))
			<-time.After(20 * time.Millisecond)
		}
	})
	for i := range pictures {
		key := i%30 == 0
		size := 6_000 // 1.5 Mbit/s
		if key {
			size = 24_000
		}
		send(stamped(callv1.MediaPacket_VIDEO, uint64(i+1), key, size, began))
		<-time.After(time.Second / 30)
	}
	sending.Wait()
	<-time.After(3 * time.Second)

	for name, l := range map[string]*listener{"well": well, "slow": slow} {
		l.mu.Lock()
		defer l.mu.Unlock()
		t.Logf("%s: %d of %d sounds, the oldest after %v; %d of %d pictures, the oldest after %v",
			name, l.sounds, sounds, l.sound, len(l.video), pictures, l.picture)
		if !decodable(l.video) {
			t.Errorf("%s cannot show all pictures", name)
		}
	}
	if well.sounds != sounds || len(well.video) != pictures || well.sound > oldestWell || well.picture > oldestWell {
		t.Error("who has a good path misses something, or waits for it")
	}
	if slow.sounds < sounds*9/10 || slow.sound > oldestSound {
		t.Error("voices do not get through, or late")
	}
	if n := len(slow.video); n < pictures/10 || n == pictures || slow.picture > oldestPicture {
		t.Error("pictures do not get through, or late, or nothing was too much")
	}
}

// The oldest that anything may be when it arrives: on a good path a few times its delay; otherwise
// what may wait in a queue, and more for what lies in the network and is lost several times.
var (
	oldestWell    = 200 * time.Millisecond
	oldestSound   = rooms.DefaultQueueLimits().Age[media.Audio] + 1500*time.Millisecond
	oldestPicture = rooms.DefaultQueueLimits().Age[media.Video] + 1500*time.Millisecond
)

// stamped returns a packet that says when it was made.
func stamped(typ callv1.MediaPacket_MediaType, number uint64, key bool, size int, began time.Time) []byte {
	m := &callv1.MediaPacket{MediaType: typ, Data: make([]byte, size), Timestamp: time.Since(began).Seconds(), FrameType: "delta"}
	if key {
		m.FrameType = "key"
	}
	if typ == callv1.MediaPacket_AUDIO {
		m.AudioMetadata = &callv1.AudioMetadata{Sequence: number}
	} else {
		m.VideoMetadata = &callv1.VideoMetadata{Sequence: number}
	}
	return mediatest.Media(m)
}
