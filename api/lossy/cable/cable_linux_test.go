package cable_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"parley/api/lossy/cable"
	"parley/api/lossy/cable/cabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait.
const patience = time.Minute

// line is a pair of UDP sockets, one at each end of a cable.
type line struct{ near, far *net.UDPConn }

func newLine(t *testing.T, c *cable.Cable) (l line) {
	t.Helper()
	if err := c.Near.In(func() (err error) {
		l.near, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(cable.NearAddress)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.near.Close() })
	if err := c.Far.In(func() (err error) {
		l.far, err = net.DialUDP("udp4", nil, l.near.LocalAddr().(*net.UDPAddr))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.far.Close() })
	for _, s := range []*net.UDPConn{l.near, l.far} {
		if err := s.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l line) send(t *testing.T, text string) {
	t.Helper()
	if _, err := l.far.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// echo sends back what arrives at the near end, until the test ends, and tells of each answer that
// arrives at the far one.
func (l line) echo(t *testing.T) (answers chan string) {
	t.Helper()
	var busy sync.WaitGroup
	t.Cleanup(func() {
		_ = l.near.Close()
		_ = l.far.Close()
		busy.Wait()
	})
	busy.Go(func() {
		b := make([]byte, 2000)
		for {
			n, from, err := l.near.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = l.near.WriteToUDPAddrPort(b[:n], from)
		}
	})
	answers = make(chan string, 10_000)
	busy.Go(func() {
		defer close(answers)
		b := make([]byte, 2000)
		for {
			n, err := l.far.Read(b)
			if err != nil {
				return
			}
			answers <- string(b[:n])
		}
	})
	return answers
}

// Packets are lost both ways, and none on a cable that is good again.
func TestCableLoses(t *testing.T) {
	c := cabletest.Lay(t)
	l := newLine(t, c)
	answers := l.echo(t)
	cabletest.Spoil(t, c, cable.Trouble{Loss: .5})
	const enough = 100
	sent := 0
	for answered := 0; answered < enough; {
		for range enough {
			l.send(t, "lost, perhaps")
			sent++
		}
		<-answers // one of so many gets through
		answered++
		for range len(answers) {
			<-answers
			answered++
		}
	}
	if sent < enough*5/2 { // 4 times are due, 2 if it lost one way
		t.Errorf("%d of %d were answered", enough, sent)
	}
	cabletest.Spoil(t, c, cable.Trouble{})
	for _, text := range []string{"one", "two", "three"} {
		l.send(t, text)
		for answer := range answers {
			if answer == text {
				break
			}
		}
	}
}

// A delay is that of each packet, and not added up.
func TestCableDelays(t *testing.T) {
	c := cabletest.Lay(t)
	const delay, rounds = 50 * time.Millisecond, 100
	l := newLine(t, c)
	answers := l.echo(t)
	cabletest.Spoil(t, c, cable.Trouble{Delay: delay})
	began := time.Now()
	for range rounds {
		l.send(t, "late")
	}
	<-answers
	if took := time.Since(began); took < 2*delay {
		t.Errorf("the first answer took %v", took)
	}
	for range rounds - 1 {
		<-answers
	}
	if took := time.Since(began); took > rounds*delay {
		t.Errorf("all took %v", took)
	}
}

// A cable with a rate takes its time, and what is too much for it is lost.
func TestCableHasARate(t *testing.T) {
	c := cabletest.Lay(t)
	l := newLine(t, c)
	answers := l.echo(t)
	const bytes, rate, rounds = 1000, 1_000_000, 200
	cabletest.Spoil(t, c, cable.Trouble{Rate: rate})
	began := time.Now()
	for range rounds {
		l.send(t, string(make([]byte, bytes)))
	}
	const due = 15 // of some 25 that fit into a buffer of 200 ms
	for range due {
		<-answers
	}
	if took := time.Since(began); took < due*bytes*8*time.Second/rate {
		t.Errorf("%d took %v", due, took)
	}
	cabletest.Spoil(t, c, cable.Trouble{})
	l.send(t, "marker")
	arrived := due
	for answer := range answers {
		if answer == "marker" {
			break
		}
		arrived++
	}
	if arrived == rounds {
		t.Error("nothing was too much")
	}
}

// The kernel's own TCP gets everything through, and has to send some of it again.
func TestTCPOverALossyCable(t *testing.T) {
	c := cabletest.Lay(t)
	cabletest.Spoil(t, c, cable.Trouble{Loss: .1, Delay: 2 * time.Millisecond})
	var listener net.Listener
	if err := c.Near.In(func() (err error) {
		listener, err = net.Listen("tcp", cable.NearAddress+":0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const bytes = 500_000
	again := make(chan uint32, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := conn.Write(make([]byte, bytes)); err != nil {
			t.Error(err)
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.ReadFull(conn, make([]byte, 1)) // until all is there
		if err := raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				t.Error(err)
			}
			again <- info.Total_retrans
		}); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := c.Far.DialTCP(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if n := <-again; n == 0 {
		t.Error("nothing was sent twice")
	}
}
