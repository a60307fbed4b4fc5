package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
)

// host returns the address of a URL.
func host(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// deaf is a socket that hears nothing: handshakes over it never finish.
type deaf struct {
	net.PacketConn
	ended <-chan struct{}
}

func (d deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.ended
	return 0, nil, net.ErrClosed
}

// beginQUIC begins n handshakes that never finish, until the test ends.
func beginQUIC(t *testing.T, addr string, n int) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	transport := &quic.Transport{Conn: deaf{socket, ctx.Done()}}
	var dialing sync.WaitGroup
	tlsConfig := insecure.Clone()
	tlsConfig.NextProtos = []string{"h3"}
	for range n {
		dialing.Go(func() { _, _ = transport.Dial(ctx, to, tlsConfig, nil) })
	}
	t.Cleanup(func() {
		cancel()
		dialing.Wait()
		_ = transport.Close()
		_ = socket.Close()
	})
}

// Who floods is told so, and operators see it: in the metrics of the node and in the telemetry of the
// connection.
func TestFloodIsSaidToAllWhoCare(t *testing.T) {
	t.Parallel() // it waits for a look at what flowed
	c := newCluster(t)
	n := c.start("session_kbit_budget=100")
	hears := n.listen()
	room := newRoom()
	eve, bob := n.join(overWS, "eve", room), n.join(overWS, "bob", room)
	noise := strings.Repeat("noise", 2000)
	for range 20 { // of which two may come at once, and one more each second
		eve.send(mediatest.Audio(noise))
	}
	eve.until("refused: too_much")
	bob.send(mediatest.Audio("marker"))
	eve.until("audio marker from bob")
	hears.until("LimitHit")
	all := c.page(n.Debug + "/metrics")
	if dropped := regexp.MustCompile(`parley_packets_dropped_total{cause="flooding",kind="audio"} [1-9]`); !dropped.MatchString(all) {
		t.Error("metrics know of no flood")
	}
}

// Hundreds of connections that begin and never get anywhere keep nobody out, and the node ends
// them by itself. parley load can open many more.
func TestConnectionsThatGoNowhere(t *testing.T) {
	c := newCluster(t)
	n := c.start()
	const each = 100
	var silent []net.Conn
	for _, begin := range []struct{ to, text string }{
		{n.HTTP, ""},
		{n.HTTP, "GET /lobby/eve/room HTTP/1.1\r\nHost: a\r\n"},
		{n.HTTP, "POST /session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"},
		{n.WebTransport, ""},
		{n.WebTransport, "\x16\x03\x01\x02\x00\x01"}, // half a ClientHello
	} {
		for range each {
			c, err := net.Dial("tcp", host(t, begin.to))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, begin.text); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(begin.text, "POST") { // whose body may take its time
				silent = append(silent, c)
			}
		}
	}
	beginQUIC(t, host(t, n.WebTransport), 2*each)

	room := newRoom()
	var people []*guest
	for _, over := range []way{overWS, overWT, overTLS} {
		people = append(people, n.join(over, strings.Fields(string(over))[0]+fmt.Sprint(len(people)), room))
	}
	people[0].send(mediatest.Audio("hello"))
	for _, p := range people[1:] {
		p.until("audio hello from " + people[0].name)
	}
	for _, c := range silent {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatal("a connection that went nowhere is still open")
		}
	}
	if counted := series(t, c.page(n.Debug+"/metrics"), `parley_connections_unasked_total{network="tcp"}`); int(counted) != len(silent) {
		t.Errorf("%v connections asked for nothing, want %d", counted, len(silent))
	}
	for deadline := time.Now().Add(patience); ; { // who began handshakes is told of no end
		counted := series(t, c.page(n.Debug+"/metrics"), `parley_connections_unasked_total{network="udp"}`)
		if counted >= 2*each {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v handshakes asked for nothing, want %d", counted, 2*each)
		}
	}
}

// While NATS takes nothing at all, neither those who speak nor those who listen on one node notice.
func TestPeopleOfOneNodeDoNotWaitForNATS(t *testing.T) {
	c := newCluster(t)
	proxy, through := natstest.Through(t, c.nats)
	b := c.start()
	c.nats = through
	a := c.start()
	room := newRoom()
	ada, bob := a.join(overWS, "ada", room), a.join(overWS, "bob", room)
	cyd := b.join(overWS, "cyd", room)
	cyd.send(mediatest.Audio("before"))
	ada.until("audio before from cyd") // both nodes know of each other
	ada.send(mediatest.Audio("before"))
	cyd.until("audio before from ada")

	proxy.Stall()
	defer proxy.Heal()
	frame := bytes.Repeat([]byte("x"), 20_000)
	for i := range 1000 { // 20 MB: more than the sockets on the way to NATS take
		ada.send(mediatest.VideoKey(string(frame)))
		what := fmt.Sprint("voice ", i)
		ada.send(mediatest.Audio(what))
		bob.until("audio " + what + " from ada")
	}
	proxy.Heal()
	for arrived := false; !arrived; { // and then it goes on
		ada.send(mediatest.Audio("after"))
		arrived = len(about(cyd.sync(), "after")) > 0
	}
}
