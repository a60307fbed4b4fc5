package floor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/api/media/mediatest"
)

// pacedSize is that of the packets that come one by one.
const pacedSize = 1200

// shape is a room in which sources send so many packets a second each, which go to all others.
type shape struct{ people, sources, rate int }

// Both make about ten thousand deliveries a second, as the runs of parley load do that are held
// against them.
var (
	audience = shape{people: 51, sources: 2, rate: 100}
	meeting  = shape{people: 20, sources: 20, rate: 26}
)

// way is how packets travel.
type way struct {
	// listen returns an address and a function that returns the near ends of connections.
	listen func(b *testing.B) (addr string, accept func() (member, error))
	// dial returns the far end of a connection, and how to end it.
	dial func(ctx context.Context, addr string) (m member, leave func(), err error)
}

var ways = map[string]way{
	"tcp":          {listenTCP, dialTCP},
	"tls":          {listenTLS, dialTLS},
	"webtransport": {listenWebTransport, dialWebTransport},
	"packets":      {listenPackets, dialWebTransport}, // each on a stream of its own
	"few-streams":  {listenPackets, dialFewStreams},
}

// member is an end of a connection. Several goroutines may write to it.
type member interface {
	io.Writer
	// source returns what packets come from, once there is something to read or before.
	source() (io.Reader, error)
	// discard takes what comes until the connection is lost.
	discard()
}

// BenchmarkPaced moves packets that come one at a time, as in a call, from where they come to everybody
// else, one write each: most of what that costs is being woken up. The other side is a process of its
// own. One operation is a second.
func BenchmarkPaced(b *testing.B) {
	for _, run := range []struct {
		way, room string
		shape     shape
	}{
		{"tcp", "audience", audience},
		{"tcp", "meeting", meeting},
		{"webtransport", "audience", audience},
		{"webtransport", "meeting", meeting},
		{"packets", "audience", audience},
	} {
		b.Run(run.way+"/"+run.room, func(b *testing.B) { paced(b, run.way, run.shape) })
	}
}

func paced(b *testing.B, name string, s shape) {
	addr, accept := ways[name].listen(b)
	begin, stop := crowd(b, name, addr, s)
	room := make([]member, s.people)
	for i := range room {
		var err error
		if room[i], err = accept(); err != nil {
			b.Fatal(err)
		}
	}
	var moved atomic.Int64
	var carriers sync.WaitGroup
	for _, from := range room {
		carriers.Go(func() { carry(from, room, &moved) })
	}
	begin()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	<-second.C // what is needed once
	usedBefore, movedBefore, began := cpu(b), moved.Load(), time.Now()
	for b.Loop() {
		<-second.C
	}
	used, n := cpu(b)-usedBefore, moved.Load()-movedBefore
	b.ReportMetric(float64(used)/float64(n), "cpu-ns/delivery")
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "deliveries/s")
	stop()
	carriers.Wait()
}

// carry brings what comes from one member to all others, until it ends.
func carry(from member, room []member, moved *atomic.Int64) {
	in, err := from.source()
	if err != nil {
		return
	}
	for packet := make([]byte, pacedSize); ; {
		if _, err := io.ReadFull(in, packet); err != nil {
			return
		}
		for _, to := range room {
			if to == from {
				continue
			}
			if _, err := to.Write(packet); err == nil {
				moved.Add(1)
			}
		}
	}
}

// crowdVariable in the environment makes this program the people of a room: way, address and shape.
const crowdVariable = "PARLEY_FLOOR_CROWD"

// crowd starts a process with everybody in it. They send once begin was called, and go when stop is.
func crowd(b *testing.B, name, addr string, s shape) (begin, stop func()) {
	b.Helper()
	in, stop := mediatest.Again(b, nil, fmt.Sprintf("%s=%s %s %d %d %d", crowdVariable, name, addr, s.people, s.sources, s.rate))
	begin = func() {
		if _, err := io.WriteString(in, "begin\n"); err != nil {
			b.Fatal(err)
		}
	}
	return begin, stop
}

// dialedByProcess returns the near end of a connection with a process that discards what it gets.
func dialedByProcess(b *testing.B, name string) member {
	addr, accept := ways[name].listen(b)
	_, stop := crowd(b, name, addr, shape{people: 1})
	m, err := accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	return m
}

// attend is the process of a crowd: it discards what comes and sends at its pace, until standard input
// ends.
func attend(plan string) error {
	var name, addr string
	var s shape
	if _, err := fmt.Sscan(plan, &name, &addr, &s.people, &s.sources, &s.rate); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var people []member
	for range s.people {
		m, leave, err := ways[name].dial(ctx, addr)
		if err != nil {
			return err
		}
		defer leave()
		people = append(people, m)
	}
	for _, p := range people { // until the connection is lost, at the latest with this process
		go p.discard()
	}
	orders := bufio.NewReader(os.Stdin)
	if _, err := orders.ReadString('\n'); err != nil {
		return nil // nobody sends in this one
	}
	begun, every := time.Now(), time.Second/time.Duration(s.rate)
	for i, p := range people[:s.sources] { // not all at once
		go send(p, begun.Add(every*time.Duration(i)/time.Duration(s.sources)), every)
	}
	_, _ = orders.ReadString('\n')
	return nil
}

// send writes a packet every so often, until the connection is lost.
func send(to io.Writer, next time.Time, every time.Duration) {
	packet := make([]byte, pacedSize)
	for due := time.NewTimer(time.Until(next)); ; due.Reset(time.Until(next)) {
		<-due.C
		if _, err := to.Write(packet); err != nil {
			return
		}
		next = next.Add(every)
	}
}

// tcpMember is a TCP connection.
type tcpMember struct{ net.Conn }

func (t *tcpMember) source() (io.Reader, error) { return t.Conn, nil }

func (t *tcpMember) discard() { _, _ = io.Copy(io.Discard, t.Conn) }

func listenTCP(b *testing.B) (string, func() (member, error)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() (member, error) {
		c, err := l.Accept()
		if err == nil {
			b.Cleanup(func() { _ = c.Close() })
		}
		return &tcpMember{c}, err
	}
}

func dialTCP(ctx context.Context, addr string) (member, func(), error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	return &tcpMember{c}, func() { _ = c.Close() }, nil
}

func listenTLS(b *testing.B) (string, func() (member, error)) {
	config := &tls.Config{Certificates: []tls.Certificate{certificate(b)}}
	addr, accept := listenTCP(b)
	return addr, func() (member, error) {
		m, err := accept()
		if err != nil {
			return nil, err
		}
		c := tls.Server(m.(*tcpMember).Conn, config)
		return &tcpMember{c}, c.HandshakeContext(b.Context())
	}
}

// dialTLS returns a member that decrypts nothing, as little as the far end of the benchmark of WebSocket does.
func dialTLS(ctx context.Context, addr string) (member, func(), error) {
	m, leave, err := dialTCP(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	return m, leave, tls.Client(m.(*tcpMember).Conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) // it is ours
}
