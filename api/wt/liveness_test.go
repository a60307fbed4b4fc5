package wt_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wt"
)

// router is a network that stops to deliver when it is cut, and delivers nothing to nowhere.
type router struct {
	simnet.PerfectRouter
	cut atomic.Bool
}

// nowhere is an address that is not of those who send packets under it.
var nowhere = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 3), Port: 1000}

func (r *router) SendPacket(p simnet.Packet) error {
	if r.cut.Load() || p.To.String() == nowhere.String() {
		return nil
	}
	return r.PerfectRouter.SendPacket(p)
}

// world is a server on a simulated network with a delay of 20 ms, in fake time.
type world struct {
	hold   *mediatest.Hold
	cut    func() // stops all packets from now on
	secure *tls.Config

	refusals *wt.Refusals
	intake   *intake.Intake
	begun    *atomic.Int64 // connections
	asked    *atomic.Int64 // of those, requests
	ended    *atomic.Int64 // connections
	server   net.Addr
	nowhere  net.PacketConn
	dial     func(ctx context.Context, addr string, s *tls.Config, q *quic.Config) (*quic.Conn, error)
}

// askedKey finds what counts the requests of a connection.
type askedKey struct{}

// unproven is how many connections may go on in it that have not proved their address.
const unproven = 20

const worldURL = "https://localhost/lobby"

// intakeBytes is what large packets may hold on the node.
const intakeBytes = 32 << 20

func inFakeTime(t *testing.T, f func(t *testing.T, w world)) { atRate(t, 0, f) }

// atRate is inFakeTime with so many bytes a second on the way to the client, 0 for any number.
func atRate(t *testing.T, rate float64, f func(t *testing.T, w world)) {
	synctest.Test(t, func(t *testing.T) {
		network := new(router)
		net4 := &simnet.Simnet{Router: network}
		link := simnet.NodeBiDiLinkSettings{Latency: 20 * time.Millisecond}
		serverAddr := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}
		serverConn := net4.NewEndpoint(serverAddr, link)
		down := link
		if rate > 0 {
			var free time.Time // when the packets before are through; the link asks for one after another
			down = simnet.NodeBiDiLinkSettings{LatencyFunc: func(p simnet.Packet) time.Duration {
				now := time.Now()
				if free.Before(now) {
					free = now
				}
				free = free.Add(time.Duration(float64(len(p.Data)) / rate * float64(time.Second)))
				return free.Sub(now) + link.Latency
			}}
		}
		clientConn := net4.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1000}, down)
		nowhereConn := net4.NewEndpoint(nowhere, link)
		if err := net4.Start(); err != nil {
			t.Fatal(err)
		}
		serverTLS, clientTLS := certificate(t)
		hold, refusals := mediatest.NewHold(), new(wt.Refusals)
		begun, asked, ended := new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
		packets := intake.New(intakeBytes)
		server := wt.New(wt.Options{
			PacketConn: serverConn, TLS: serverTLS, Hub: hold, Admit: admitAll, Log: logTo(t), Refusals: refusals, Intake: packets, Unproven: unproven,
			Enter: func(ctx context.Context, _ net.Addr) (context.Context, error) {
				begun.Add(1)
				context.AfterFunc(ctx, func() { ended.Add(1) })
				return context.WithValue(ctx, askedKey{}, asked), nil
			},
			Asked: func(ctx context.Context) { ctx.Value(askedKey{}).(*atomic.Int64).Add(1) },
		})
		served := make(chan error, 1)
		go func() { served <- server.Serve(context.Background()) }()
		socket := &quic.Transport{Conn: clientConn}

		f(t, world{
			hold:   hold,
			cut:    func() { network.cut.Store(true) },
			secure: clientTLS,

			refusals: refusals,
			intake:   packets,
			begun:    begun,
			asked:    asked,
			ended:    ended,
			server:   serverAddr,
			nowhere:  nowhereConn,
			dial: func(ctx context.Context, _ string, s *tls.Config, q *quic.Config) (*quic.Conn, error) {
				return socket.Dial(ctx, serverAddr, s, q)
			},
		})

		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = socket.Close()
		_ = clientConn.Close()
		_ = nowhereConn.Close()
		if err := net4.Close(); err != nil {
			t.Error(err)
		}
	})
}

// session opens a session. Its end is left to the caller, as it may be what is tested.
func (w world) session(t *testing.T) (*client.Client, *mediatest.Held) { return w.framed(t, "") }

// framed is session with a framing.
func (w world) framed(t *testing.T, f client.Framing) (*client.Client, *mediatest.Held) {
	c, err := client.Dial(t.Context(), worldURL, client.Options{TLS: w.secure, DialQUIC: w.dial, Framing: f})
	if err != nil {
		t.Fatal(err)
	}
	return c, w.hold.Next(t)
}

func TestBrokenPathIsNoticed(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		c, held := w.session(t)
		if err := c.Send(t.Context(), []byte("here")); err != nil {
			t.Fatal(err)
		}
		if _, err := held.Conn.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.cut()
		start := time.Now()
		_, err := held.Conn.Read(t.Context())
		if fault.CodeOf(err) != fault.Idle {
			t.Errorf("read: %v, want code %s", err, fault.Idle)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("noticed after %v", took)
		}
		start = time.Now()
		if err := held.Conn.Close(fault.Idle); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("close of a dead path took %v", took)
		}
		held.End(err)
		_ = c.Close() // its path is broken
	})
}

// A path that breaks while packets are written is dead or slow, whichever shows first.
func TestBrokenPathIsNoticedByWrite(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		c, held := w.session(t)
		w.cut()
		start := time.Now()
		frames := []*media.Frame{{Wire: make([]byte, 1000)}, {Wire: make([]byte, 500), Datagram: true}}
		for {
			if err := held.Conn.Write(t.Context(), frames); err != nil {
				if code := fault.CodeOf(err); code != fault.Slow && code != fault.Idle {
					t.Errorf("write: %v", err)
				}
				break
			}
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("noticed after %v", took)
		}
		start = time.Now()
		if err := held.Conn.Close(fault.Slow); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("close of a dead path took %v", took)
		}
		held.End(nil)
		_ = c.Close() // its path is broken
	})
}

// What is sent to a client just before the end arrives, if the client is there to take it.
func TestLastPacketComesBeforeTheClose(t *testing.T) {
	for name, framing := range framings {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T, w world) {
				c, held := w.framed(t, framing)
				if err := held.Conn.Write(t.Context(), []*media.Frame{{Wire: []byte{8, 1}}}); err != nil {
					t.Fatal(err)
				}
				if err := held.Conn.Close(fault.Reserved); err != nil {
					t.Fatal(err)
				}
				if p, err := c.Receive(t.Context()); err != nil || !bytes.Equal(p.Data, []byte{8, 1}) {
					t.Errorf("received %q, %v", p.Data, err)
				}
				if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != 1008 {
					t.Errorf("then %v, code %d", err, c.CloseCode())
				}
				held.End(nil)
				_ = c.Close() // it is over
			})
		})
	}
}

// Keep-alives are the path's signs of life, not the client's.
func TestSilentClientIsIdle(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		c, held := w.session(t)
		for range 5 { // a ping in time keeps it
			<-time.After(25 * time.Second)
			if err := c.SendDatagram([]byte("ping")); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		_, err := held.Conn.Read(t.Context())
		if fault.CodeOf(err) != fault.Idle {
			t.Errorf("read: %v, want code %s", err, fault.Idle)
		}
		if took := time.Since(start).Round(100 * time.Millisecond); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("idle after %v", took)
		}
		held.End(err)
		if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != int(fault.Codes[fault.Idle].Close) {
			t.Errorf("client: %v, code %d", err, c.CloseCode())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A large picture takes its time where the path is narrow; who takes some of it is not slow.
func TestLargePacketOnANarrowPath(t *testing.T) {
	for _, framing := range []client.Framing{client.FramingPacket, client.FramingStream} {
		t.Run("framing "+string(framing), func(t *testing.T) {
			atRate(t, 50_000, func(t *testing.T, w world) {
				c, held := w.framed(t, framing)
				packet := bytes.Repeat([]byte{8}, 1_000_000)
				written := make(chan error, 1)
				begin := time.Now()
				go func() { written <- held.Conn.Write(t.Context(), []*media.Frame{{Wire: packet}}) }()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got, err := c.Receive(ctx)
				if err != nil || !bytes.Equal(got.Data, packet) {
					t.Errorf("%d bytes, %v", len(got.Data), err)
				}
				if err := <-written; err != nil {
					t.Errorf("write: %v", err)
				}
				if took := time.Since(begin); took < 15*time.Second {
					t.Errorf("the path was not narrow: %v", took)
				}
				_ = c.Close()
				_, err = held.Conn.Read(t.Context())
				held.End(err)
			})
		})
	}
}
