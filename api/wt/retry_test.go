package wt_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"parley/api/wt"
)

// initial is the beginning of a handshake, as it goes over the network.
func initial(t *testing.T) []byte {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var dialing sync.WaitGroup
	defer dialing.Wait()
	defer cancel()
	dialing.Go(func() {
		_, _ = quic.DialAddr(ctx, socket.LocalAddr().String(), &tls.Config{NextProtos: []string{http3.NextProtoH3}}, nil)
	})
	b := make([]byte, 2000)
	_ = socket.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := socket.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// Of many who come at once and have to prove their address, each is told, and before the node gives up on who tells them.
// A machine may be too busy for that, but not again and again.
func TestAllAreToldToProveTheirAddress(t *testing.T) {
	hello := initial(t)
	const many, tries = 64, 8 // the kernel keeps so many first packets
	for range tries {
		if told, took := tellAll(t, hello, many); told == many && took < wt.RetryMost {
			return
		}
	}
	t.Errorf("they were not told in any of %d times", tries)
}

// tellAll lets many begin a handshake with a server that wants to know their address, and returns how many it told, and
// after what time the last one.
func tellAll(t *testing.T, hello []byte, many int) (told int, took time.Duration) {
	s := newSite(t, func(o *wt.Options) { o.Unproven = 1 })
	socket, err := net.DialUDP("udp", nil, s.server.Addr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	begin := time.Now()
	for range many + 1 {
		if _, err := rand.Read(hello[6:14]); err != nil { // another connection
			t.Fatal(err)
		}
		if _, err := socket.Write(hello); err != nil {
			t.Fatal(err)
		}
	}
	_ = socket.SetReadDeadline(time.Now().Add(2 * time.Second))
	for told < many {
		b := make([]byte, 2000)
		n, err := socket.Read(b)
		if err != nil {
			t.Log(err)
			break
		}
		if wt.IsRetry(b[:n]) {
			told, took = told+1, time.Since(begin)
		}
	}
	t.Logf("%d of %d were told, the last one after %v", told, many, took)
	return told, took
}

var retry = []byte{0xf0, 0, 0, 0, 1}

// Who is to be told and is not, whatever the reason, holds up others for a moment.
func TestWhoIsNeverToldToProveAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := wt.NewProof(0)
		waits := func() time.Duration {
			begin := time.Now()
			if !p.Wanted() {
				t.Fatal("an address is believed")
			}
			return time.Since(begin)
		}
		for range 2 {
			for i := range wt.RetryQueue {
				if d := waits(); d != 0 {
					t.Fatalf("number %d waited %v", i, d)
				}
			}
			told := time.AfterFunc(time.Millisecond, func() { p.Sends(retry) })
			if d := waits(); d != time.Millisecond {
				t.Errorf("the next one waited %v", d)
			}
			told.Stop()
			for _, other := range [][]byte{nil, {0xf0, 0, 0, 0}, {0xe0, 0, 0, 0, 1}, {0x70, 0, 0, 0, 1}, {0xf0, 0x6b, 0x33, 0x43, 0xcf}} {
				p.Sends(other)
			}
			if d := waits(); d != wt.RetryMost {
				t.Errorf("the one that nobody made room for waited %v", d)
			}
			for range 2 * wt.RetryQueue {
				if d := waits(); d != 0 {
					t.Errorf("one after that waited %v", d)
				}
			}
			<-time.After(wt.RetryQuiet)
			for range wt.RetryQueue {
				p.Sends(retry)
			}
		}
		for range wt.RetryQueue {
			waits()
		}
		p.Sends([]byte{0xc0, 0x6b, 0x33, 0x43, 0xcf}) // that of version 2
		if d := waits(); d != 0 {
			t.Errorf("one that there is room for waited %v", d)
		}
	})
}

// Where nobody waits any more for who tells them, that one gets a turn nevertheless.
func TestWhoTellsGetsATurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		p := wt.NewProof(0)
		for range wt.RetryQueue + 1 + wt.RetryQueue { // the one in the middle waits in vain
			p.Wanted()
		}
		const times = 10 // the scheduler may prefer who asks, now and then
		turns := 0
		for range times {
			told := make(chan struct{})
			go func() { // ends at once
				defer close(told)
				p.Sends(retry)
			}()
			p.Wanted()
			select {
			case <-told:
				turns++
			default:
				<-told
				p.Wanted()
			}
		}
		if turns < times-2 {
			t.Errorf("who tells them had %d turns of %d", turns, times)
		}
	})
}
