package ws

import (
	"io"
	"testing"
	"time"
)

// A receiver that stops to read for a while is not taken for slow when it goes on.
func TestWhoStopsIsNotSlow(t *testing.T) {
	s, far := wired(t)
	if err := far.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	views, ask := make(chan view, 1), s.ask
	s.ask = func(fd uintptr) {
		ask(fd)
		select {
		case views <- s.view:
		default:
		}
	}
	if err := s.raw.Control(func(fd uintptr) { limitUnsent(fd, unsentMost) }); err != nil {
		t.Fatal(err)
	}
	if err := s.eager(); err != nil {
		t.Fatal(err)
	}
	reads, ended := make(chan struct{}), make(chan int64, 1)
	go func() {
		<-reads
		n, _ := io.Copy(io.Discard, far)
		ended <- n
	}()

	sent := 0
	write := func(size int) {
		if n, err := s.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		} else {
			sent += n
		}
	}
	write(1 << 20) // more than there is room for
	flushed := make(chan error, 1)
	go func() { flushed <- s.flush(time.Minute) }()
	for shut := time.Duration(0); shut < 2*gaugeTime; { // it looks although nothing gets on
		select {
		case v := <-views:
			shut = v.shut
		case err := <-flushed:
			t.Fatalf("who reads nothing took all, or it is not known for how long there was no room: %v", err)
		}
	}
	began, before := time.Now(), s.taken()
	close(reads)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for range 50 {
		<-pace.C
		write(3_000)
		if err := s.flush(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	took := float64(s.taken()-before) / time.Since(began).Seconds()
	if r := s.gauge.rate(); r > 0 && float64(r) < took/4 {
		t.Errorf("%d bytes a second, and it took %.0f", r, took)
	}
	_ = s.Close()
	if n := <-ended; n != int64(sent) {
		t.Errorf("%d of %d bytes came", n, sent)
	}
}
