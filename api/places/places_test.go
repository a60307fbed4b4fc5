package places_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/places"
)

func at(addr string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)) }

// enter enters p from addr, which has to end in want, until leave is called.
func enter(t *testing.T, p *places.Places, from net.Addr, want error) (ctx context.Context, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, err := p.Enter(ctx, from)
	if !errors.Is(err, want) {
		t.Errorf("%v: %v, want %v", from, err, want)
	}
	return in, func() {
		cancel()
		synctest.Wait()
	}
}

func TestConnectionsOfOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places.New(places.Options{Total: 100, Each: 2, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		enter := func(addr string, want error) func() {
			t.Helper()
			_, leave := enter(t, p, at(addr), want)
			return leave
		}
		first := enter("192.0.2.1:1", nil)
		enter("192.0.2.1:2", nil)
		enter("[::ffff:192.0.2.1]:3", places.ErrCrowded) // the same address
		enter("192.0.2.2:1", nil)
		first()
		enter("192.0.2.1:4", nil)
		enter("192.0.2.1:5", places.ErrCrowded)

		enter("[2001:db8::1]:1", nil)
		enter("[2001:db8::2]:1", nil)
		enter("[2001:db8::3]:1", places.ErrCrowded) // one network
		enter("[2001:db8:0:1::3]:1", nil)

		for range 5 {
			enter("10.1.2.3:1", nil) // a proxy
			enter("127.0.0.1:1", nil)
			enter("[::1]:1", nil)
		}
		if s := p.Stats(); s.Connections != 21 || s.Crowded != 3 || s.Full != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestConnectionsInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places.New(places.Options{Total: 1, Each: 1})
		_, leave := enter(t, p, at("127.0.0.1:1"), nil)
		enter(t, p, at("192.0.2.1:1"), places.ErrFull)
		leave()
		enter(t, p, at("192.0.2.1:1"), nil)
	})
}

// Who asked for something is not counted as one that came in vain, and nobody is before it is gone.
func TestConnectionsThatAskForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places.New(places.Options{Total: 9, Each: 9})
		quic := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1"))
		_, silent := enter(t, p, quic, nil)
		request, asking := enter(t, p, quic, nil)
		_, other := enter(t, p, at("192.0.2.1:1"), nil)
		places.Asked(request)
		places.Asked(t.Context()) // of none
		if s := p.Stats(); s != (places.Stats{Connections: 3}) {
			t.Errorf("%+v", s)
		}
		for _, leave := range []func(){silent, asking, other} {
			leave()
		}
		if s := p.Stats(); s != (places.Stats{UDP: 1, TCP: 1}) {
			t.Errorf("%+v", s)
		}
	})
}

// Who is too many is hung up on; a place that is given back is free.
func TestListener(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := places.New(places.Options{Total: 1, Each: 1})
	l := p.Listener(plain)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	held := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil || errors.Is(err, io.ErrNoProgress) {
		t.Error("a second connection is not hung up on")
	}
	held.Close()
	held.Close()
	dial()
	(<-accepted).Close()
	if s := p.Stats(); s.Connections != 0 || s.Full != 1 {
		t.Errorf("%+v", s)
	}
	l.Close()
	<-accepted
}

// pipes is a listener to which nobody has to connect.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) {
	c, _ := net.Pipe()
	return c, nil
}

// Those that come together and say nothing do not end together, none much too early and none late.
func TestSilentConnectionsDisperse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, long = 100, 10 * time.Second
		l := places.New(places.Options{Total: crowd + 2, Each: crowd}).Listener(pipes{})
		var ended sync.Map
		var all sync.WaitGroup
		silent := func(deadline time.Time) {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if err := c.SetReadDeadline(deadline); err != nil {
				t.Error(err)
			}
			all.Go(func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				ended.Store(time.Since(begin), true)
			})
		}
		for range crowd {
			silent(time.Now().Add(long))
		}
		all.Wait()
		first, last := long, time.Duration(0)
		for took := range ended.Range {
			first, last = min(first, took.(time.Duration)), max(last, took.(time.Duration))
		}
		if first <= long*2/3 || last > long || last-first < long/4 {
			t.Errorf("they end after %v to %v, want any time in the last third of %v", first, last, long)
		}
		ended.Clear()
		silent(time.Now().Add(-long)) // one that is to end at once
		all.Wait()
		if _, at := ended.Load(time.Duration(0)); !at {
			t.Error("a deadline that has passed is put off")
		}
	})
}
