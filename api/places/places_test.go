package places_test

import (
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

func TestConnectionsOfOnePlace(t *testing.T) {
	p := places.New(places.Options{Total: 100, Each: 2, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	enter := func(addr string, want error) func() {
		t.Helper()
		leave, err := p.Enter(at(addr))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", addr, err, want)
		}
		return leave
	}
	first := enter("192.0.2.1:1", nil)
	enter("192.0.2.1:2", nil)
	enter("[::ffff:192.0.2.1]:3", places.ErrCrowded) // the same address
	enter("192.0.2.2:1", nil)
	first()
	first() // once is enough
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
}

func TestConnectionsInAll(t *testing.T) {
	p := places.New(places.Options{Total: 1, Each: 1})
	leave, err := p.Enter(at("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Enter(at("192.0.2.1:1")); !errors.Is(err, places.ErrFull) {
		t.Errorf("%v, want %v", err, places.ErrFull)
	}
	leave()
	if _, err := p.Enter(at("192.0.2.1:1")); err != nil {
		t.Error(err)
	}
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
