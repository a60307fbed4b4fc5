package wt_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
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

// Of many who come at once and have to prove their address, each is told.
func TestAllAreToldToProveTheirAddress(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Unproven = 1 })
	hello := initial(t)
	socket, err := net.DialUDP("udp", nil, s.server.Addr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	const many = 64 // whose first packets the kernel keeps
	for range many + 1 {
		if _, err := rand.Read(hello[6:14]); err != nil { // another connection
			t.Fatal(err)
		}
		if _, err := socket.Write(hello); err != nil {
			t.Fatal(err)
		}
	}
	for told := 0; told < many; {
		_ = socket.SetReadDeadline(time.Now().Add(5 * time.Second))
		b := make([]byte, 2000)
		n, err := socket.Read(b)
		if err != nil && told >= many/2 {
			break // a machine that is too busy to tell anybody for a while
		} else if err != nil {
			t.Fatalf("%d of %d were told: %v", told, many, err)
		}
		if wt.IsRetry(b[:n]) {
			told++
		}
	}
}

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
		retry := []byte{0xf0, 0, 0, 0, 1}
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
