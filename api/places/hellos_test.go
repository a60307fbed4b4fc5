package places_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/places"
)

// hello may begin a connection.
var hello = append([]byte{0xc0}, make([]byte, 1199)...)

// hellos counts of n packets that may begin a connection those that are looked at.
func hellos(p *places.Places, n int, from func(i int) string) (seen int) {
	for i := range n {
		if p.Hello(hello, netip.MustParseAddrPort(from(i))) {
			seen++
		}
	}
	return seen
}

func one(addr string) func(int) string { return func(int) string { return addr } }

// A port gets what a connection needs, and whatever nobody else needs.
func TestHellosOfOnePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places.New(places.Options{Total: 1, Each: 1})
		flood := one("[::ffff:192.0.2.1]:1")
		if n := hellos(p, 10_000, flood); n != 540 {
			t.Errorf("%d of one port are looked at", n)
		}
		<-time.After(time.Second)
		if n := hellos(p, 10_000, one("192.0.2.1:1")); n != 504 { // the same
			t.Errorf("%d of one port are looked at a second later", n)
		}
		if n := hellos(p, 40, one("192.0.2.1:2")); n != 40 {
			t.Errorf("%d of another port are looked at", n)
		}
		if n := hellos(p, 10_000, one("192.0.2.2:1")); n != 40 {
			t.Errorf("%d of another address are looked at", n)
		}
		for range 1000 {
			for _, packet := range [][]byte{nil, hello[:1199], append([]byte{0x7f}, hello...)} {
				if !p.Hello(packet, netip.MustParseAddrPort(flood(0))) {
					t.Fatal("what begins no connection is not looked at")
				}
			}
		}
		if s := p.Stats(); s.Hellos != 4*10_000-10_000-540-504-40 {
			t.Errorf("%d were not looked at", s.Hellos)
		}
	})
}

// Many ports of one place get so much together, and other places their own.
func TestHellosOfOnePlace(t *testing.T) {
	for name, place := range map[string]func(i int) string{
		"IPv4": func(i int) string { return fmt.Sprint("192.0.2.1:", 1+i%60_000) },
		"IPv6": func(i int) string { return fmt.Sprintf("[2001:db8::%x]:%d", i%7, 1+i%60_000) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := places.New(places.Options{Total: 1, Each: 1})
				if n := hellos(p, 50_000, place); n != 10_500 {
					t.Errorf("%d are looked at", n)
				}
				<-time.After(time.Second / 2)
				if n := hellos(p, 50_000, place); n != 5_250 {
					t.Errorf("%d are looked at after half a second", n)
				}
				if n := hellos(p, 10_000, func(i int) string { return fmt.Sprint("192.0.2.2:", 1+i) }); n != 10_000 {
					t.Errorf("%d of another address are looked at", n)
				}
				if n := hellos(p, 10_000, func(i int) string { return fmt.Sprintf("[2001:db8:0:1::]:%d", 1+i) }); n != 10_000 {
					t.Errorf("%d of another network are looked at", n)
				}
			})
		})
	}
}

// However many ports flood, hardly anybody goes with them.
func TestHellosBesideManyFloods(t *testing.T) {
	for _, ports := range []int{1, 1000, 8000, 60_000} {
		synctest.Test(t, func(t *testing.T) {
			p := places.New(places.Options{Total: 1, Each: 1})
			for range 10 {
				hellos(p, 60_000, func(i int) string { return fmt.Sprint("192.0.2.1:", 1+i%ports) })
				<-time.After(time.Second)
			}
			const people = 10_000
			n := hellos(p, people, func(i int) string { return fmt.Sprintf("198.51.%d.%d:1", i/256, i%256) })
			if lost := people - n; lost > people/1000 {
				t.Errorf("beside %d ports %d of %d are not looked at", ports, lost, people)
			}
		})
	}
}

// Who speaks for many is not bounded, but this machine is.
func TestHellosOfProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places.New(places.Options{Total: 1, Each: 1, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		if n := hellos(p, 10_000, one("[::ffff:10.1.2.3]:1")); n != 10_000 {
			t.Errorf("%d of a trusted network are looked at", n)
		}
		if n := hellos(p, 10_000, one("127.0.0.1:1")); n != 540 {
			t.Errorf("%d of this machine are looked at", n)
		}
	})
}

// BenchmarkHello is what a flood costs before it is dropped.
func BenchmarkHello(b *testing.B) {
	p := places.New(places.Options{Total: 1, Each: 1})
	for ports, name := range map[uint16]string{1: "one port", 1000: "a thousand ports"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			at := netip.MustParseAddr("192.0.2.1")
			for i := 0; b.Loop(); i++ {
				p.Hello(hello, netip.AddrPortFrom(at, uint16(i)%ports))
			}
		})
	}
}
