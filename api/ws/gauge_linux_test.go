package ws

import (
	"io"
	"net"
	"testing"
	"time"
)

// A receiver that stops to read for a while is not taken for slow when it goes on.
func TestWhoStopsIsNotSlow(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := far.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	conn, err := Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := conn.(*spill)
	if err := s.raw.Control(func(fd uintptr) { limitUnsent(fd, unsentMost) }); err != nil {
		t.Fatal(err)
	}
	if err := s.eager(); err != nil {
		t.Fatal(err)
	}
	reads, ended := make(chan struct{}), make(chan int64)
	go func() {
		<-reads
		n, _ := io.Copy(io.Discard, far)
		ended <- n
	}()

	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	sent := 0
	write := func() {
		<-pace.C
		if n, err := s.Write(make([]byte, 3_000)); err != nil {
			t.Fatal(err)
		} else {
			sent += n
		}
	}
	for waits := false; !waits; waits, _ = s.state() {
		write()
	}
	flushed := make(chan error)
	go func() { flushed <- s.flush(time.Minute) }()
	for shut := time.Duration(0); shut < 2*gaugeTime; {
		<-pace.C
		s.mu.Lock()
		if s.look(true); s.known {
			shut = s.view.shut
		}
		s.mu.Unlock()
	}
	began, before := time.Now(), s.taken()
	close(reads)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	for range 50 {
		write()
		if err := s.flush(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	took := float64(s.taken()-before) / time.Since(began).Seconds()
	if r := s.gauge.rate(); r > 0 && float64(r) < took/2 {
		t.Errorf("%d bytes a second, and it took %.0f", r, took)
	}
	conn.Close()
	if n := <-ended; n != int64(sent) {
		t.Errorf("%d of %d bytes came", n, sent)
	}
}
