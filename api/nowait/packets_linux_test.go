package nowait

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// socket opens one that is read and written without telling the scheduler.
func socket(t testing.TB, network, addr string) *packets {
	t.Helper()
	return watched(t, network, addr, Watch{})
}

func watched(t testing.TB, network, addr string, watch Watch) *packets {
	t.Helper()
	to, err := net.ResolveUDPAddr(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP(network, to)
	if network == "udp6" && (errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT)) {
		t.Skip("this machine has no IPv6: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p, watched := Packets(conn, watch)
	if !watched {
		t.Fatal("an ordinary socket")
	}
	return p.(*packets)
}

// set sets an option of IPv4.
func set(t testing.TB, p *packets, option, to int) {
	t.Helper()
	var failed error
	err := p.raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, option, to) })
	if err = errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
}

// room is for so many packets.
func room(n int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}, OOB: make([]byte, 128)}
	}
	return ms
}

func TestPacketsComeWithTheirSender(t *testing.T) {
	for _, c := range []struct{ network, from, to, via string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1:0", ""},
		{"udp6", "[::1]:0", "[::1]:0", ""},
		{"udp", ":0", "127.0.0.1:0", "127.0.0.1"}, // IPv4 over a socket of both
		{"udp", ":0", ":0", "::1"},
	} {
		t.Run(c.network+c.from+c.to, func(t *testing.T) {
			from, to := socket(t, c.network, c.from), socket(t, c.network, c.to)
			whereTo := *to.LocalAddr().(*net.UDPAddr)
			if ip := net.ParseIP(c.via); ip != nil {
				whereTo.IP = ip
			}
			const n = 2*most + 1
			for i := range n {
				b := fmt.Append(nil, "packet ", i)
				if sent, _, err := from.WriteMsgUDP(b, nil, &whereTo); sent != len(b) || err != nil {
					t.Fatal(sent, err)
				}
			}
			ms, came := room(2*most), map[string]bool{}
			for len(came) < n {
				k, err := to.ReadBatch(ms, 0)
				if err != nil || k < 1 || k > most {
					t.Fatal(k, err)
				}
				for _, m := range ms[:k] {
					came[string(m.Buffers[0][:m.N])] = true
					sender := m.Addr.(*net.UDPAddr)
					if sender.Port != from.LocalAddr().(*net.UDPAddr).Port || !sender.IP.Equal(whereTo.IP) || sender.Zone != "" {
						t.Errorf("from %v to %v", sender, &whereTo)
					}
				}
			}
			for i := range n {
				if !came[fmt.Sprint("packet ", i)] {
					t.Errorf("packet %d did not come, but %v", i, came)
				}
			}
			// And an answer to where they came from.
			if _, _, err := to.WriteMsgUDP([]byte("answer"), nil, ms[0].Addr.(*net.UDPAddr)); err != nil {
				t.Fatal(err)
			}
			if k, err := from.ReadBatch(ms, 0); k != 1 || err != nil || string(ms[0].Buffers[0][:ms[0].N]) != "answer" {
				t.Error(k, err)
			}
		})
	}
}

func TestPacketsComeWithWhatTheKernelSaysOfThem(t *testing.T) {
	from, to := socket(t, "udp4", "127.0.0.1:0"), socket(t, "udp4", "127.0.0.1:0")
	set(t, to, unix.IP_RECVTTL, 1)
	said := (&ipv4.ControlMessage{Src: net.IPv4(127, 0, 0, 1)}).Marshal()
	if n, oobn, err := from.WriteMsgUDP([]byte("p"), said, to.LocalAddr().(*net.UDPAddr)); n != 1 || oobn != len(said) || err != nil {
		t.Fatal(n, oobn, err)
	}
	ms := room(1)
	if k, err := to.ReadBatch(ms, 0); k != 1 || err != nil {
		t.Fatal(k, err)
	}
	var heard ipv4.ControlMessage
	if err := heard.Parse(ms[0].OOB[:ms[0].NN]); err != nil || heard.TTL == 0 {
		t.Errorf("%v, %v", heard.TTL, err)
	}
	// What does not fit is cut, and says so.
	ms[0].Buffers[0] = make([]byte, 3)
	if _, _, err := from.WriteMsgUDP([]byte("longer"), nil, to.LocalAddr().(*net.UDPAddr)); err != nil {
		t.Fatal(err)
	}
	if k, err := to.ReadBatch(ms, 0); k != 1 || err != nil || ms[0].N != 3 || ms[0].Flags&unix.MSG_TRUNC == 0 {
		t.Error(k, err, ms[0].N, ms[0].Flags)
	}
}

// Nothing of what is not wanted comes, and all of what is, with what the kernel says of it.
func TestPacketsThatAreNotWanted(t *testing.T) {
	var sent [][]byte
	from := watched(t, "udp4", "127.0.0.1:0", Watch{Sends: func(b []byte) { sent = append(sent, bytes.Clone(b)) }})
	other := socket(t, "udp4", "127.0.0.1:0")
	for _, to := range []struct{ network, addr string }{{"udp4", "127.0.0.1:0"}, {"udp", ":0"}} {
		sent = nil
		whose := netip.AddrPort{}
		at := watched(t, to.network, to.addr, Watch{Wants: func(b []byte, from netip.AddrPort) bool {
			if whose = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); b[0] == 'y' {
				b[0] = 'Y' // seen
				return true
			}
			return false
		}})
		set(t, at, unix.IP_RECVTTL, 1)
		where := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.LocalAddr().(*net.UDPAddr).Port}
		var want []string
		for i, kind := range []byte("nnnnnnnnnynnyyynnnnnnnnyny") {
			b := fmt.Appendf(nil, "%c%d%s", kind, i, bytes.Repeat([]byte("."), 10*i))
			by := from
			if i%3 == 0 {
				by = other
			}
			set(t, by, unix.IP_TTL, 1+i)
			if _, _, err := by.WriteMsgUDP(b, nil, where); err != nil {
				t.Fatal(err)
			}
			if kind == 'y' {
				want = append(want, fmt.Sprintf("%v Y%s with %d hops to go", by.LocalAddr(), b[1:], 1+i))
			}
		}
		if len(sent) != 17 || string(sent[0][:2]) != "n1" {
			t.Errorf("%d were seen to be sent: %q", len(sent), sent)
		}
		var got []string
		for ms := room(most); len(got) < len(want); {
			n, err := at.ReadBatch(ms, 0)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			for _, m := range ms[:n] {
				var heard ipv4.ControlMessage
				if err := heard.Parse(m.OOB[:m.NN]); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%v %s with %d hops to go", m.Addr, m.Buffers[0][:m.N], heard.TTL))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
		if whose.String() != from.LocalAddr().String() { // the last
			t.Errorf("%v was asked for, not %v", whose, from.LocalAddr())
		}
	}
}

// The errors of package net are what the QUIC library looks for.
func TestPacketsFailAsThoseOfTheNetPackage(t *testing.T) {
	four, six := socket(t, "udp4", "127.0.0.1:0"), socket(t, "udp6", "[::1]:0")
	near := four.LocalAddr().(*net.UDPAddr)
	far := six.LocalAddr().(*net.UDPAddr)
	for name, c := range map[string]struct {
		from *packets
		b    []byte
		to   *net.UDPAddr
	}{
		"too large":     {four, make([]byte, 70_000), near},
		"other family":  {four, []byte("p"), far},
		"no family":     {four, []byte("p"), &net.UDPAddr{IP: net.IP{1, 2, 3}, Port: 1}},
		"no family (6)": {six, []byte("p"), &net.UDPAddr{IP: net.IP{1, 2, 3}, Port: 1}},
		"nowhere":       {four, []byte("p"), nil},
	} {
		_, _, err := c.from.WriteMsgUDP(c.b, nil, c.to)
		_, _, want := c.from.UDPConn.WriteMsgUDP(c.b, nil, c.to)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v instead of %v", name, err, want)
		}
	}
	// A packet of nothing is one.
	if _, _, err := four.WriteMsgUDP(nil, nil, near); err != nil {
		t.Error(err)
	}
	if k, err := four.ReadBatch(room(1), 0); k != 1 || err != nil {
		t.Error(k, err)
	}

	if err := four.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := four.ReadBatch(room(1), 0); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := four.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := four.ReadBatch(room(1), 0)
		read <- err
	}()
	if err := four.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, _, err := four.WriteMsgUDP([]byte("p"), nil, near); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if p, watched := Packets(four.UDPConn, Watch{}); p != net.PacketConn(four.UDPConn) || watched {
		t.Error("a closed socket is another")
	}
}

func TestZonesAreNumbers(t *testing.T) {
	a := address{Family: unix.AF_INET6, Addr: [16]byte{0xfe, 0x80, 15: 1}, Scope_id: 7}
	if got := a.udp().String(); got != "[fe80::1%7]:0" {
		t.Error(got)
	}
	if _, ok := a.set(&net.UDPAddr{IP: net.IPv6loopback, Zone: "lo"}, true); ok {
		t.Error("a zone was not looked up")
	}
}

// What is said of several packets stays what it is when the next come.
func TestPacketsNeedLittleMemory(t *testing.T) {
	from, to := socket(t, "udp", ":0"), socket(t, "udp", "127.0.0.1:0")
	b, ms, where := bytes.Repeat([]byte("p"), 1200), room(most), to.LocalAddr().(*net.UDPAddr)
	var first net.Addr
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := from.WriteMsgUDP(b, nil, where); err != nil {
			t.Error(err)
		}
		if k, err := to.ReadBatch(ms, 0); k != 1 || err != nil {
			t.Error(k, err)
		}
		if first == nil {
			first = ms[0].Addr
		}
	}); n > 1 { // who sent it
		t.Errorf("%v allocations", n)
	}
	if first == ms[0].Addr || first.String() != ms[0].Addr.String() {
		t.Errorf("%p %v, %p %v", first, first, ms[0].Addr, ms[0].Addr)
	}
}
