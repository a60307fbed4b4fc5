package lossy_test

import (
	"context"
	"crypto/tls"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// way is how somebody is connected.
type way string

const (
	overWS      way = "WebSocket"
	overPackets way = "WebTransport, a stream for each packet"
	overStreams way = "WebTransport, long-lived streams"
)

var ways = []way{overWS, overPackets, overStreams}

// person is somebody in the room, who remembers the numbers of all packets of the one who sends.
type person struct {
	*client.Client
	name string
	over way
	id   uint64

	reading sync.Mutex // held to make the connection stall

	mu    sync.Mutex
	audio map[uint64]bool
	video map[uint64]bool // true: a keyframe
	news  chan struct{}   // something came; the capacity is 1
}

// dialsMost is how often somebody tries to connect: the node gives a handshake seconds, and the
// machine may have other things to do.
const dialsMost = 5

// patientQUIC has clients wait longer than a busy machine takes.
func patientQUIC() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: patience, MaxIdleTimeout: patience, KeepAlivePeriod: time.Second,
		MaxIncomingUniStreams: 1 << 60, MaxIncomingStreams: -1,
	}
}

func (n *node) join(t testing.TB, over way, name string, opt client.Options) *person {
	t.Helper()
	p := &person{name: name + " (" + string(over) + ")", over: over, audio: map[uint64]bool{}, video: map[uint64]bool{}, news: make(chan struct{}, 1)}
	opt.TLS = &tls.Config{InsecureSkipVerify: true}
	if opt.On == nil {
		opt.On = p.hear
	}
	base := n.secure
	switch over {
	case overWS:
		base = n.http
	case overStreams:
		opt.Framing = client.FramingStream
	}
	if opt.QUIC == nil {
		opt.QUIC = patientQUIC()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	for dials := 1; ; dials++ {
		if p.Client, err = client.Dial(ctx, base+"?user="+name, opt); err == nil {
			break
		}
		if ctx.Err() != nil || dials == dialsMost {
			t.Fatalf("%s: %v", p.name, err)
		}
		t.Logf("%s dials again: %v", p.name, err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if p.id, err = p.Session(ctx); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	if err := p.Send(ctx, mediatest.Heartbeat()); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return p
}

func (p *person) hear(packet client.Packet) {
	p.reading.Lock()
	defer p.reading.Unlock()
	_, m, err := client.Parse(packet.Data)
	if err != nil || m == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.MediaType {
	case callv1.MediaPacket_AUDIO:
		p.audio[m.AudioMetadata.GetSequence()] = true
	case callv1.MediaPacket_VIDEO:
		p.video[m.VideoMetadata.GetSequence()] = m.FrameType == "key"
	default:
		return
	}
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// until waits until what p has satisfies a condition.
func (p *person) until(t *testing.T, what string, met func(audio, video map[uint64]bool) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		p.mu.Lock()
		ok := met(p.audio, p.video)
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-p.news:
		case <-p.Done():
			_, err := p.Receive(ctx)
			t.Fatalf("%s: %v while waiting for %s", p.name, err, what)
		case <-ctx.Done():
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Fatalf("%s: no %s; has %d sounds and %d pictures, decodable: %v", p.name, what, len(p.audio), len(p.video), decodable(p.video))
		}
	}
}

// decodable reports whether each picture came with the one that it changes.
func decodable(video map[uint64]bool) bool {
	for n, key := range video {
		if _, before := video[n-1]; !key && !before {
			return false
		}
	}
	return true
}

// shows reports whether p can show something that was sent after number n.
func (p *person) shows(n uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number, key := range p.video {
		if _, next := p.video[number+1]; key && next && number > n {
			return true
		}
	}
	return false
}

// hears reports whether p heard something that was said after number n.
func (p *person) hears(n uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number := range p.audio {
		if number > n {
			return true
		}
	}
	return false
}

// pictures returns how many p has.
func (p *person) pictures() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.video))
}

// waiting returns what the node holds for p and has dropped.
func (p *person) waiting(t *testing.T, n *node) rooms.SessionCensus {
	t.Helper()
	s, ok := n.session(p.id)
	if !ok {
		t.Fatalf("%s has lost the connection", p.name)
	}
	return s
}

// dropped returns how many pictures the node has dropped on their way to p.
func (p *person) dropped(t *testing.T, n *node) (dropped uint64) {
	t.Helper()
	for _, kinds := range p.waiting(t, n).Count.Drops {
		dropped += kinds[media.Video]
	}
	return dropped
}

// between returns how many sounds and pictures p has of those after some numbers, and up to others.
func (p *person) between(afterAudio, toAudio, afterVideo, toVideo uint64) (audio, video uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number := range p.audio {
		if afterAudio < number && number <= toAudio {
			audio++
		}
	}
	for number := range p.video {
		if afterVideo < number && number <= toVideo {
			video++
		}
	}
	return audio, video
}
