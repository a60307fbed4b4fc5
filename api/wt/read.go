package wt

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/webtransport-go"

	"parley/api/intake"
	"parley/api/media"
	"parley/api/wire"
)

const (
	// glance is how long a stream is waited for before it is read on the side: longer than
	// to take what arrived already, shorter than anything a network does.
	glance = 100 * time.Microsecond

	// streamTimeout is how long a client may take to send one packet.
	streamTimeout = 10 * time.Second

	// sideStreams are read on the side at a time.
	sideStreams = 256

	// lastingStreams of those may be silent between two packets for as long as they like; more
	// than clients need for their cameras, screens and voices.
	lastingStreams = 64

	// partialBytes bounds what the packets of one client occupy before they are complete:
	// four of the largest.
	partialBytes = 4 * wire.MaxPacket

	// scratchBytes holds nearly all packets but keyframes. They are read here first and
	// then copied into a buffer of their exact size, because queues keep it.
	scratchBytes = 4 << 10
)

// Read returns the next packet. What arrived before the end of the session is delivered
// before the end is reported.
func (c *conn) Read(ctx context.Context) (media.Packet, error) {
	select {
	case p := <-c.inbox:
		return p, nil
	default:
	}
	select {
	case p := <-c.inbox:
		return p, nil
	case <-ctx.Done():
		return media.Packet{}, context.Cause(ctx)
	case <-c.life.Done():
	}
	select {
	case p := <-c.inbox:
		return p, nil
	default:
		return media.Packet{}, context.Cause(c.life)
	}
}

// deliver blocks until there is room, and drops p when the session is over.
func (c *conn) deliver(p media.Packet) {
	c.hear()
	select {
	case c.inbox <- p:
	case <-c.life.Done():
	}
}

func (c *conn) readDatagrams() {
	for {
		b, err := c.sess.ReceiveDatagram(c.life)
		if err != nil {
			return // readStreams notices it too
		}
		if string(b) == wire.Ping {
			c.hear()
			continue
		}
		data := make([]byte, len(b), len(b)+wire.StampRoom)
		copy(data, b)
		c.deliver(media.Packet{Data: data, Datagram: true})
	}
}

// refuseStreams cancels the bidirectional streams that a client opened.
func (c *conn) refuseStreams() {
	for {
		str, err := c.sess.AcceptStream(ended)
		if err != nil {
			return
		}
		c.refusals.n[TwoWay].Add(1)
		str.CancelRead(refused)
		str.CancelWrite(refused)
	}
}

// ended makes the library return what is there, without waiting.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

var scratches = sync.Pool{New: func() any {
	b := make([]byte, scratchBytes)
	return &b
}}

func (c *conn) readStreams() {
	slots := make(chan struct{}, sideStreams)
	var burst []*webtransport.ReceiveStream
	for {
		str, err := c.sess.AcceptUniStream(c.life)
		for err == nil {
			burst = append(burst, str)
			str, err = c.sess.AcceptUniStream(ended)
		}
		if len(burst) == 0 {
			c.lost(err)
			return
		}
		// The library hands streams over as its goroutines happen to run.
		slices.SortFunc(burst, func(a, b *webtransport.ReceiveStream) int {
			return int(a.StreamID() - b.StreamID())
		})
		scratch := scratches.Get().(*[]byte)
		for _, str := range burst {
			c.readStream(str, *scratch, slots)
		}
		scratches.Put(scratch)
		clear(burst)
		burst = burst[:0]
	}
}

// readStream delivers the packet of a stream that is complete, and has others read on the
// side.
func (c *conn) readStream(str *webtransport.ReceiveStream, scratch []byte, slots chan struct{}) {
	c.hear()
	_ = str.SetReadDeadline(time.Now().Add(glance)) // it does not fail
	n, err := fill(str, scratch)
	if err == io.EOF && n > 0 && scratch[0] == framedMark {
		c.deliverFramed(scratch[:n])
		return
	}
	if err == io.EOF {
		data := make([]byte, n, n+wire.StampRoom)
		copy(data, scratch)
		c.deliver(media.Packet{Data: data, Stream: uint64(str.StreamID())})
		return
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return // the client gave it up, or everything
	}
	select {
	case slots <- struct{}{}:
	case <-c.life.Done():
		return
	}
	start := slices.Clone(scratch[:n])
	c.work.Go(func() {
		defer func() { <-slots }()
		late := time.Now().Add(streamTimeout)
		_ = str.SetReadDeadline(late)
		if len(start) == 0 { // which of both it is shows in its first byte
			first := make([]byte, 1)
			n, err := fill(str, first)
			switch {
			case n > 0:
				start = first
			case err == io.EOF:
				c.deliver(media.Packet{Data: make([]byte, 0, wire.StampRoom), Stream: uint64(str.StreamID())})
				return
			default:
				c.tooSlow(str, err)
				return
			}
		}
		if start[0] == framedMark {
			c.readFramed(str, start, late)
			return
		}
		c.readSlowly(str, start)
	})
}

// readSlowly reads a packet that begins with start, until the deadline of its stream. The buffer
// grows with what arrived.
func (c *conn) readSlowly(str *webtransport.ReceiveStream, start []byte) {
	buf, n := start, len(start)
	m := c.hold(str)
	defer m.release()
	for {
		size := min(max(2*n, scratchBytes), wire.MaxPacket+1)
		if !m.grow(int64(size - len(buf))) {
			c.refuse(str, TooMuch)
			return
		}
		grown := make([]byte, size, size+wire.StampRoom)
		copy(grown, buf[:n])
		buf = grown
		read, err := fill(str, buf[n:])
		n += read
		switch {
		case n > wire.MaxPacket:
			c.refuse(str, TooLarge)
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.refuse(str, TooSlow)
			return
		case err == io.EOF:
			m.deliver(media.Packet{Data: buf[:n], Stream: uint64(str.StreamID())})
			return
		case err != nil:
			return // the client gave it up, or everything
		}
	}
}

// holding is the memory of a packet that is not delivered.
type holding struct {
	c       *conn
	held    int64
	arrival *intake.Arrival
	over    chan struct{} // closed when others need the memory
}

// hold begins without any. Its stream is refused when others need what it has.
func (c *conn) hold(str *webtransport.ReceiveStream) *holding {
	h := &holding{c: c, over: make(chan struct{})}
	h.arrival = c.intake.Begin(func() {
		close(h.over)
		c.refuse(str, TooMuch)
	})
	return h
}

// deliver is that of the connection, unless others need the memory before there is room.
func (h *holding) deliver(p media.Packet) {
	h.c.hear()
	select {
	case h.c.inbox <- p:
	case <-h.over:
	case <-h.c.life.Done():
	}
}

// grow reports whether there is so much more.
func (h *holding) grow(more int64) bool {
	h.held += more
	return h.c.partial.Add(more) <= partialBytes && h.arrival.Hold(h.held)
}

func (h *holding) release() {
	h.c.partial.Add(-h.held)
	h.arrival.Done()
}

// fill reads until b is full, which it reports with a nil error, or r ends.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}
