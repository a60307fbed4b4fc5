package jip3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media/mediatest"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

func TestAThousandNodesAtOnce(t *testing.T) {
	s := serve(t, Options{})
	conns := make([]net.Conn, DefaultNodes)
	var wg sync.WaitGroup
	for i := range conns {
		conns[i] = s.dial(t)
		wg.Go(func() {
			messages := [][]byte{hello(t, v1, byte(i), nil)}
			for range 10 {
				messages = append(messages, synced(t))
			}
			if _, err := conns[i].Write(bytes.Join(messages, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.await(t, "all events", func() bool {
		n := 0
		for _, k := range s.sessions {
			n += len(k.records)
		}
		return n == 10*DefaultNodes
	})
	// One more is closed.
	extra := s.dial(t)
	if _, err := extra.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one too many: %v", err)
	}
	send(t, conns[0])
	s.await(t, "an end", func() bool {
		for _, k := range s.sessions {
			if k.ended != "" {
				return true
			}
		}
		return false
	})
	if n := s.counters.Refused.Load(); n != 1 {
		t.Errorf("%d refused", n)
	}
	s.stop()
	for _, k := range s.sessions {
		if k.ended == "" {
			t.Fatal("a session has not ended")
		}
	}
	if n := s.counters.Connections.Load(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestMemoryOfAConnection(t *testing.T) {
	s := serve(t, Options{})
	const n = 256
	events := bytes.Repeat(synced(t), 1000)
	measure := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	s.memory.discard = true
	before := measure()
	for i := range n {
		if _, err := s.dial(t).Write(append(hello(t, v1, byte(i), nil), events...)); err != nil {
			t.Fatal(err)
		}
	}
	s.await(t, "all events", func() bool { return s.memory.discarded == n*1000 })
	per := (measure() - before) / n
	t.Logf("%d bytes for a connection, both ends and the test's session included", per)
	if per > 64<<10 {
		t.Errorf("%d bytes", per)
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	now := time.Now()
	p := places{most: 10, mostEach: 3, all: map[netip.Addr]*place{}}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	enter := func(from netip.Addr, want error) {
		t.Helper()
		if err := p.enter(from, now); !errors.Is(err, want) {
			t.Errorf("%s: %v instead of %v", from, err, want)
		}
	}
	for range 3 {
		enter(a, nil)
	}
	enter(a, errCrowded)
	enter(b, nil)
	p.leave(a)
	enter(a, nil)
	here := netip.MustParseAddr("127.0.0.1")
	for range 6 {
		enter(here, nil)
	}
	enter(b, errFull)
	for range 6 {
		p.leave(here)
	}
	p.leave(b)
	now = now.Add(time.Minute)
	enter(a, errCrowded)
	if len(p.all) != 1 {
		t.Errorf("%d addresses are remembered", len(p.all))
	}
}

func TestClocksOfConnectionsMayDiffer(t *testing.T) {
	var b bucket
	now := time.Now()
	b.fill(now, 1, 10)
	b.tokens = 0
	for range 10 {
		b.fill(now.Add(-time.Second), 1, 10)
		b.fill(now.Add(time.Second), 1, 10)
	}
	if b.tokens != 1 {
		t.Errorf("%v tokens after a second", b.tokens)
	}
}

func TestNetworksThatMayConnect(t *testing.T) {
	p := places{allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}
	for addr, want := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.3.7": false, "2001:db8::7": true, "2001:db9::7": false, "127.0.0.1": false,
	} {
		if p.permits(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s: not %v", addr, want)
		}
	}
	s := serve(t, Options{Allow: p.allow})
	hungUp(t, s.dial(t))
	s.stop()
	if s.counters.Refused.Load() != 1 {
		t.Error("a stranger was let in")
	}
}

func TestWhoConnectsAllTheTimeWaits(t *testing.T) {
	now := time.Now()
	p := places{most: 10, mostEach: 3, all: map[netip.Addr]*place{}}
	a := netip.MustParseAddr("192.0.2.1")
	tries := func() (n int) {
		for p.enter(a, now) == nil {
			p.leave(a)
			n++
		}
		return n
	}
	if n := tries(); n != helloBurst {
		t.Errorf("%d at once", n)
	}
	now = now.Add(time.Second)
	if n := tries(); n != helloRate {
		t.Errorf("%d after a second", n)
	}
}

func TestNetworksAreOnePlace(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "::1": "::1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := where(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s is %s", addr, got)
		}
	}
}

func TestTooManyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t)
		write := func(messages ...[]byte) {
			if _, err := p.node.Write(bytes.Join(messages, nil)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		sample := event(t, v1, "TicketTransferred", map[string]any{
			"peer": make([]byte, 32), "sender": "Local", "from_proxy": false, "epoch": 1, "attempt": 0, "id": make([]byte, 32),
		})
		failure := event(t, v1, "PeerMisbehaved", map[string]any{"peer": make([]byte, 32), "reason": ""})
		write(hello(t, v1, 1, nil))
		const burst = 2 * DefaultEvents
		for range burst / 100 {
			write(bytes.Repeat(sample, 100))
		}
		k := p.sessions[0]
		if n := len(k.records); n != burst*3/4 {
			t.Errorf("%d samples at once", n)
		}
		for range burst / 100 {
			write(bytes.Repeat(synced(t), 100))
		}
		if n := len(k.records); n != burst*9/10 {
			t.Errorf("%d with what is not a sample", n)
		}
		for range burst / 100 {
			write(bytes.Repeat(failure, 100))
		}
		if n := len(k.records); n != burst {
			t.Errorf("%d with failures", n)
		}
		if got := len(k.records) + len(k.lost); got != 3*burst {
			t.Errorf("%d of %d are accounted for", got, 3*burst)
		}
		for _, l := range k.lost {
			if l.Cause != telemetry.RateLimited || l.Count != 1 {
				t.Fatalf("%+v", l)
			}
		}
		// Another connection of the same node does not help, one from elsewhere is free.
		same, other := p.connect("192.0.2.1:2"), p.connect("192.0.2.9:1")
		for _, conn := range []net.Conn{same, other} {
			if _, err := conn.Write(append(hello(t, v1, 1, nil), failure...)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if a, b := len(p.sessions[1].records), len(p.sessions[2].records); a != 0 || b != 1 {
			t.Errorf("%d and %d", a, b)
		}
		mediatest.Advance(t, time.Second)
		write(failure)
		if n := len(k.records); n != burst+1 {
			t.Errorf("%d a second later", n)
		}
		same.Close()
		other.Close()
		p.close()
	})
}

func TestEngineMayRefuse(t *testing.T) {
	m := &memory{refuse: errors.New("no")}
	s := serve(t, Options{Ingest: m})
	conn := s.dial(t)
	if _, err := conn.Write(hello(t, v1, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	s.stop()
	if s.counters.Refused.Load() != 1 {
		t.Error("not counted")
	}
}

func TestStoppingEndsSessions(t *testing.T) {
	s := serve(t, Options{})
	conn := s.dial(t)
	if _, err := conn.Write(append(hello(t, v1, 1, nil), synced(t)...)); err != nil {
		t.Fatal(err)
	}
	s.await(t, "the event", func() bool { return len(s.sessions) == 1 && len(s.sessions[0].records) == 1 })
	s.stop()
	if got := s.sessions[0].ended; got != "the server stops" {
		t.Error(got)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
	if err := s.Serve(t.Context(), closed{}); err == nil {
		t.Error("a listener that fails is no error")
	}
}

// closed is a listener that was closed by somebody else.
type closed struct{ net.Listener }

func (closed) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (closed) Close() error              { return nil }

// scripted is a connection that sends some bytes and ends.
type scripted struct {
	net.Conn
	r io.Reader
}

func (s scripted) Read(b []byte) (int, error)      { return s.r.Read(b) }
func (s scripted) SetReadDeadline(time.Time) error { return nil }

// FuzzStream sends anything after an introduction: all that was sent is accounted for.
func FuzzStream(f *testing.F) {
	f.Add(uint8(3), bytes.Join([][]byte{synced(f), gone(f, 3), raw(200, nil), synced(f)}, nil))
	f.Add(uint8(250), append(length(20000), make([]byte, 20000)...))
	f.Fuzz(func(t *testing.T, chunk uint8, stream []byte) {
		m := &memory{}
		s := New(Options{Ingest: m, Log: quiet(t)})
		all := append(hello(t, catalogue.Params{Version: 1, C: 3}, 1, nil), stream...)
		s.serve(t.Context(), scripted{r: &choppy{bytes.NewReader(all), int(chunk) + 1}}, netip.AddrPort{})
		k := m.only(t)
		next := uint64(0)
		for _, r := range k.records {
			if r.Seq < next {
				t.Fatalf("%d after %d", r.Seq, next)
			}
			next = r.Seq + 1
		}
		if c := s.Counters(); c.Events.Load() < uint64(len(k.records)) {
			t.Errorf("%d events for %d records", c.Events.Load(), len(k.records))
		}
		if n := len(s.large.free); n != largeBuffers {
			t.Errorf("%d buffers came back", n)
		}
	})
}

// choppy reads a few bytes at a time.
type choppy struct {
	r io.Reader
	n int
}

func (c *choppy) Read(b []byte) (int, error) { return c.r.Read(b[:min(len(b), c.n)]) }

func BenchmarkConnection(b *testing.B) {
	best := event(b, v1, "BestBlockChanged", map[string]any{"slot": 5, "hash": make([]byte, 32)})
	stream := append(hello(b, v1, 1, nil), bytes.Repeat(best, 1000)...)
	for b.Loop() {
		s := New(Options{Ingest: nothing{}, Log: quiet(b), Rate: Rate{Events: 1 << 30, Bytes: 1 << 40}})
		s.serve(context.Background(), scripted{r: bytes.NewReader(stream)}, netip.AddrPort{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/event")
}

// nothing takes in everything and keeps none of it.
type nothing struct{}

func (nothing) Begin(context.Context, telemetry.Source) (telemetry.Feed, error) {
	return nothing{}, nil
}
func (nothing) ID() telemetry.SessionID              { return 0 }
func (nothing) Record(telemetry.Record)              {}
func (nothing) Lost(telemetry.Cause, uint64, uint64) {}
func (nothing) End(string)                           {}
