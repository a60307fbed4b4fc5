package lossy_test

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/lossy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait.
const patience = 2 * time.Minute

// pair returns a socket, and one that sends to it.
func pair(t *testing.T) (to, from *net.UDPConn) {
	t.Helper()
	to, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	if from, err = net.DialUDP("udp", nil, to.LocalAddr().(*net.UDPAddr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Close() })
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return to, from
}

func TestDropHalf(t *testing.T) {
	to, from := pair(t)
	if err := lossy.Drop(to, .5); err != nil {
		t.Fatal(err)
	}
	const enough = 500
	arrived := make(chan error, 1)
	go func() {
		for range enough {
			if _, err := to.Read(make([]byte, 10)); err != nil {
				arrived <- err
				return
			}
		}
		arrived <- nil
	}()
	for sent := 1; ; sent++ {
		if _, err := from.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-arrived:
			if err != nil || sent < enough*5/4 {
				t.Errorf("%d of %d arrived, %v", enough, sent, err)
			}
			return
		default:
		}
	}
}

func TestDropAllAndNone(t *testing.T) {
	to, from := pair(t)
	send := func(text string) {
		t.Helper()
		if _, err := from.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lossy.Drop(to, 1); err != nil {
		t.Fatal(err)
	}
	const all = 100
	for range all {
		send("lost")
	}
	for range 2 { // also where nothing is lost
		if err := lossy.Drop(to, 0); err != nil {
			t.Fatal(err)
		}
	}
	send("marker")
	b := make([]byte, 10)
	for arrived := 0; ; arrived++ { // the kernel may still have been busy with a few
		n, err := to.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == "marker" {
			if arrived > all/2 {
				t.Errorf("%d of %d arrived", arrived, all)
			}
			return
		}
	}
}
