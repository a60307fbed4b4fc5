package wt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/wt"
)

// A client may grant few streams at a time; then packets wait for each other.
func TestFewStreams(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{QUIC: &quic.Config{MaxIncomingUniStreams: 5}})
	written := make(chan error, 1)
	go func() {
		frames := make([]*media.Frame, 100)
		for i := range frames {
			frames[i] = &media.Frame{Wire: []byte{byte(i + 1)}}
		}
		written <- held.Conn.Write(t.Context(), frames)
	}()
	seen := make(map[byte]bool)
	for range 100 {
		p, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[p.Data[0]] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different packets", len(seen))
	}
	if err := <-written; err != nil {
		t.Errorf("write: %v", err)
	}
}

// A client may refuse streams at any moment of their life; it loses these packets only.
func TestRefusedStreams(t *testing.T) {
	const packets = 500
	sess, held := newSite(t, nil).dialLibrary(t)
	refused := make(chan error, 1)
	go func() {
		for range packets {
			str, err := sess.AcceptUniStream(t.Context())
			if err != nil {
				refused <- err
				return
			}
			str.CancelRead(0)
		}
		refused <- nil
	}()
	frames := make([]*media.Frame, packets)
	for i := range frames {
		frames[i] = &media.Frame{Wire: make([]byte, 100+i*10)}
	}
	if err := held.Conn.Write(t.Context(), frames); err != nil {
		t.Fatalf("write: %v", err)
	}
	if err := <-refused; err != nil {
		t.Errorf("accept: %v", err)
	}
}

// A client that only publishes and never makes room for a stream may stay.
func TestDeafClient(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	c, held := s.dial(t, client.Options{QUIC: &quic.Config{MaxIncomingUniStreams: 1}})
	for _, packet := range []string{"one", "two", "three"} {
		// The one stream is taken by HTTP/3 itself.
		if err := held.Conn.Write(t.Context(), []*media.Frame{{Wire: []byte("lost")}}); err != nil {
			t.Fatalf("write: %v", err)
		}
		if err := c.Send(t.Context(), []byte(packet)); err != nil {
			t.Fatal(err)
		}
		if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != packet {
			t.Fatalf("read %q, %v; want %q", p.Data, err, packet)
		}
	}
}

// A client that made no room for a while and then listens again has missed something.
func TestDeafClientListens(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	c, held := s.dial(t, client.Options{Inbox: 1, QUIC: &quic.Config{MaxIncomingUniStreams: 5}})
	frames := make([]*media.Frame, 100)
	for i := range frames {
		frames[i] = &media.Frame{Wire: []byte{byte(i + 1)}}
	}
	if err := held.Conn.Write(t.Context(), frames); err != nil {
		t.Fatalf("write: %v", err)
	}
	if _, err := c.Receive(t.Context()); err != nil { // makes room
		t.Fatal(err)
	}
	for {
		err := held.Conn.Write(t.Context(), frames[:1])
		if err == nil {
			continue // the news of the room is on its way
		}
		if fault.CodeOf(err) != fault.Slow {
			t.Errorf("write: %v, want code %s", err, fault.Slow)
		}
		return
	}
}

// A client that grants any number of streams and does not read is slow all the same.
func TestSmallPacketsFeelBackPressure(t *testing.T) {
	s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
	_, held := s.dial(t, client.Options{Inbox: 1, QUIC: &quic.Config{
		MaxIncomingUniStreams:          1 << 40,
		InitialConnectionReceiveWindow: 1 << 20,
		MaxConnectionReceiveWindow:     1 << 20,
	}})
	frame := []*media.Frame{{Wire: bytes.Repeat([]byte{8}, 1000)}}
	for n := 0; ; n++ {
		if err := held.Conn.Write(t.Context(), frame); err != nil {
			if fault.CodeOf(err) != fault.Slow {
				t.Errorf("write: %v, want code %s", err, fault.Slow)
			}
			return
		}
		if n > 3000 {
			t.Fatal("3 MB were taken for a client that lets 1 MB pass")
		}
	}
}

func TestBidirectionalStreamsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	sess, held := s.dialLibrary(t)
	str, err := sess.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	var refused *webtransport.StreamError
	if _, err := str.Write([]byte("hello")); err != nil && !errors.As(err, &refused) { // it may be refused by now
		t.Fatal(err)
	}
	if _, err := str.Read(make([]byte, 1)); !errors.As(err, &refused) {
		t.Errorf("read from a refused stream: %v", err)
	}
	if err := sess.SendDatagram([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != "marker" {
		t.Errorf("read %q, %v", p.Data, err)
	}
}

// A stream that is not finished holds up no other, and is worth nothing when it is reset.
func TestUnfinishedStreams(t *testing.T) {
	s := newSite(t, nil)
	sess, held := s.dialLibrary(t)
	for range 300 { // more than are read on the side
		str, err := sess.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := str.Write([]byte("half a pack")); err != nil {
			t.Fatal(err)
		}
		defer str.CancelWrite(0)
		if str.StreamID()%8 == 2 {
			str.CancelWrite(0)
		}
	}
	str, err := sess.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := str.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := str.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := held.Conn.Read(t.Context()); err != nil || string(p.Data) != "whole" {
		t.Errorf("read %q, %v", p.Data, err)
	}
}

// Small packets that are there are delivered in the order in which they were sent, and all say what
// that was.
func TestOrder(t *testing.T) {
	const n = 200
	inFakeTime(t, func(t *testing.T, w world) {
		c, held := w.session(t)
		for i := range n {
			if err := c.Send(t.Context(), numbered(i, 8)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Second)
		var order []int
		streams := make([]uint64, n)
		for range streams {
			p, err := held.Conn.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			i := int(binary.BigEndian.Uint32(p.Data[1:]))
			order, streams[i] = append(order, i), p.Stream
		}
		if !slices.IsSorted(order) {
			t.Errorf("packets came as %v", order)
		}
		if streams[0] == 0 || !slices.IsSorted(streams) {
			t.Errorf("the streams of the packets are %v", streams)
		}
		held.End(nil)
		_ = c.Close()
	})
}
