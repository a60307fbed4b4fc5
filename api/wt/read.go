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

	// scratchBytes holds nearly all packets but keyframes. They are read here first and
	// then copied into a buffer of their exact size, because queues keep it.
	scratchBytes = 4 << 10
)

// reading is what a connection knows of what its client sends. Only who calls Read uses it.
type reading struct {
	burst    []*webtransport.ReceiveStream // accepted, in their order; those before at are read
	at       int
	complete []media.Packet // of one stream
	streams  bool           // have their turn
	taken    *holding       // of the packet that was returned last; nil: it holds little
}

// inbound is a packet in the inbox.
type inbound struct {
	media.Packet
	holding *holding // until the packet after it is asked for; nil: it holds little
}

// Read returns the next packet. What arrived before the end of the session is delivered
// before the end is reported.
//
// It reads streams itself, and an idle session has no other goroutine for that.
func (c *conn) Read(ctx context.Context) (media.Packet, error) {
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, c.awake.wake)()
	}
	c.reading.letGo()
	for {
		over := c.over(ctx) // asked for before the last look at what arrived
		if p, ok := c.next(); ok {
			return p, nil
		}
		switch {
		case over != nil:
			return media.Packet{}, over
		case c.reading.waiting():
			<-c.awake
		default:
			c.accept()
		}
	}
}

// over returns why nothing more will be read, or nil.
func (c *conn) over(ctx context.Context) error {
	if c.life.Err() != nil {
		return context.Cause(c.life)
	}
	return context.Cause(ctx)
}

// next returns a packet that is there. Streams, and what others read, take turns.
//
//go:noinline
func (c *conn) next() (media.Packet, bool) { // what it needs is not on the stack of who waits
	streams := !c.reading.streams
	c.reading.streams = streams
	if streams {
		if p, ok := c.ofStreams(); ok {
			return p, true
		}
	}
	select {
	case in := <-c.inbox:
		c.reading.taken = in.holding
		return in.Packet, true
	default:
	}
	if streams {
		return media.Packet{}, false
	}
	return c.ofStreams()
}

// accept waits for a stream, or until it is woken.
func (c *conn) accept() {
	str, err := c.sess.AcceptUniStream(c.awake)
	switch {
	case err == nil:
		c.gather(str)
	case !errors.Is(err, errWoken):
		c.lost(err)
	}
}

// deliver blocks until there is room, and drops p when the session is over.
func (c *conn) deliver(p media.Packet) {
	c.hear()
	select {
	case c.inbox <- inbound{Packet: p}:
		c.awake.wake()
	case <-c.life.Done():
	}
}

// forget gives back what packets hold that nobody will read. All other goroutines have ended.
func (c *conn) forget() {
	c.reading.letGo()
	for {
		select {
		case in := <-c.inbox:
			if in.holding != nil {
				in.holding.release()
			}
		default:
			return
		}
	}
}

func (c *conn) readDatagrams() {
	for {
		b, err := c.sess.ReceiveDatagram(c.life)
		if err != nil {
			return // who reads streams notices it too
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

// waiting reports whether there are streams that cannot be read yet.
func (r *reading) waiting() bool { return r.at < len(r.burst) }

// letGo gives back what the packet holds that was returned last.
func (r *reading) letGo() {
	if r.taken != nil {
		r.taken.release()
		r.taken = nil
	}
}

// ofStreams returns a packet of the streams that are there.
func (c *conn) ofStreams() (p media.Packet, ok bool) {
	r := &c.reading
	for {
		if len(r.complete) > 0 {
			p, r.complete[0] = r.complete[0], media.Packet{}
			r.complete = r.complete[1:]
			return p, true
		}
		if !r.waiting() {
			c.gather()
		}
		if !r.waiting() || c.side.Load() >= sideStreams {
			return media.Packet{}, false
		}
		str := r.burst[r.at]
		r.burst[r.at] = nil
		r.at++
		if p, ok = c.readStream(str); ok {
			return p, true
		}
	}
}

// gather takes all streams that are there, after first. Those before have been read.
func (c *conn) gather(first ...*webtransport.ReceiveStream) {
	burst := append(c.reading.burst[:0], first...)
	str, err := c.sess.AcceptUniStream(ended)
	for err == nil {
		burst = append(burst, str)
		str, err = c.sess.AcceptUniStream(ended)
	}
	// The library hands streams over as its goroutines happen to run.
	slices.SortFunc(burst, func(a, b *webtransport.ReceiveStream) int {
		return int(a.StreamID() - b.StreamID())
	})
	c.reading.burst, c.reading.at = burst, 0
}

// readStream returns the packet of a stream that is complete, and has others read on the side.
func (c *conn) readStream(str *webtransport.ReceiveStream) (p media.Packet, ok bool) {
	c.hear()
	_ = str.SetReadDeadline(time.Now().Add(glance)) // it does not fail
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	n, err := fill(str, *scratch)
	begin := (*scratch)[:n]
	if err == io.EOF && n > 0 && begin[0] == framedMark {
		unframe(begin, func(p media.Packet) { c.reading.complete = append(c.reading.complete, p) })
		return media.Packet{}, false
	}
	if err == io.EOF {
		data := make([]byte, n, n+wire.StampRoom)
		copy(data, begin)
		return media.Packet{Data: data, Stream: uint64(str.StreamID())}, true
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) { // else the client gave it up, or everything
		c.readAside(str, slices.Clone(begin))
	}
	return media.Packet{}, false
}

// readAside has a stream that begins with start read by a goroutine of its own.
func (c *conn) readAside(str *webtransport.ReceiveStream, start []byte) {
	c.side.Add(1)
	c.work.Go(func() {
		m := c.hold(str)
		defer func() {
			m.abandon()
			c.side.Add(-1)
			c.awake.wake()
		}()
		if !m.grow(scratchBytes) {
			c.refuse(str, TooMuch)
			return
		}
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
		c.readSlowly(str, start, m)
	})
}

// readSlowly reads a packet that begins with start, until the deadline of its stream. The buffer
// grows with what arrived; m is what it holds.
func (c *conn) readSlowly(str *webtransport.ReceiveStream, start []byte, m *holding) {
	buf, n := start, len(start)
	for {
		size := min(max(2*n, scratchBytes), wire.MaxPacket+1)
		if !m.grow(int64(size)) {
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

// fill reads until b is full, which it reports with a nil error, or r ends.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}
