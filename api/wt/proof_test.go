package wt_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"parley/api/media/mediatest"
)

// Of handshakes under false addresses so many go on at once, however many there are; who is where he
// says gets in meanwhile, and gives back the place of one that came without a proof.
func TestHandshakesUnderFalseAddresses(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		begin, end := falseHandshakes(t, w)
		defer end()
		begin(unproven - 1)
		if n := w.begun.Load(); n != unproven-1 {
			t.Fatalf("%d handshakes of %d go on", n, unproven-1)
		}
		for range 2 { // without a proof
			c, held := w.session(t)
			held.End(nil)
			<-c.Done()
			_ = c.Close()
		}
		begin(10)
		if n := w.begun.Load(); n != unproven+2 {
			t.Errorf("%d connections began, want %d", n, unproven+2)
		}
		c, held := w.session(t) // with one
		if n := w.begun.Load(); n != unproven+3 {
			t.Errorf("%d connections began, want %d", n, unproven+3)
		}
		held.End(nil)
		<-c.Done()
		_ = c.Close()
	})
}

// Handshakes that began together and are never finished do not end together.
func TestHandshakesThatAreNeverFinishedEndOneByOne(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		begin, end := falseHandshakes(t, w)
		defer end()
		const many = unproven - 1
		begin(many)
		var most, before int64
		for range 150 {
			mediatest.Advance(t, 100*time.Millisecond)
			ended := w.ended.Load()
			most, before = max(most, ended-before), ended
		}
		if before != many || most > many/2 {
			t.Errorf("%d of %d ended, %d of them together", before, many, most)
		}
	})
}

// falseHandshakes returns what begins handshakes that nobody answers, and what has to end them.
func falseHandshakes(t *testing.T, w world) (begin func(n int), end func()) {
	conf := w.secure.Clone()
	conf.NextProtos = []string{http3.NextProtoH3}
	transport := &quic.Transport{Conn: w.nowhere}
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	begin = func(n int) {
		for range n {
			flood.Go(func() { _, _ = transport.Dial(ctx, w.server, conf, nil) })
		}
		mediatest.Advance(t, 100*time.Millisecond)
	}
	return begin, func() {
		stop()
		flood.Wait()
		_ = transport.Close()
	}
}
