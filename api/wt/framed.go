package wt

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/quic-go/webtransport-go"

	"parley/api/media"
	"parley/api/wire"
)

// framedMark is the first byte of a stream of packets with their lengths: no packet is 16 MiB
// long, and none begins with a field of number zero.
const framedMark = 0

// readFramed delivers the packets of a long-lived stream that begins with start, the first one
// until late. A packet that has begun may take as long as one on a stream of its own; between
// packets lastingStreams may be silent for as long as the session lives, others for as long as a
// packet may take.
func (c *conn) readFramed(str *webtransport.ReceiveStream, start []byte, late time.Time) {
	buf := make([]byte, scratchBytes)
	n := copy(buf, start)
	lasts := c.lasting.Add(1) <= lastingStreams
	defer c.lasting.Add(-1)
	for {
		left, ok := unframe(buf[:n], c.deliver)
		switch {
		case !ok && length(left) == 0:
			c.refuse(str, Empty)
			return
		case !ok:
			c.refuse(str, TooLarge)
			return
		case len(left) < n: // and what is left is of another packet
			late = time.Now().Add(streamTimeout)
		}
		n = copy(buf, left)
		if n >= lengthBytes && lengthBytes+length(buf) > len(buf) {
			if !c.readLarge(str, buf[:n], late) {
				return
			}
			n = 0
			late = time.Now().Add(streamTimeout)
		}
		between := n == 0
		deadline := late
		if between && lasts {
			deadline = time.Time{}
		}
		_ = str.SetReadDeadline(deadline) // it does not fail
		m, err := str.Read(buf[n:])
		n += m
		if m == 0 && err != nil {
			c.tooSlow(str, err)
			return // half a packet is none
		}
		if between {
			late = time.Now().Add(streamTimeout)
		}
	}
}

// tooSlow refuses a stream when its deadline is over, which err says or not.
func (c *conn) tooSlow(str *webtransport.ReceiveStream, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.refuse(str, TooSlow)
	}
}

func length(b []byte) int { return int(binary.BigEndian.Uint32(b)) }

// unframe delivers the packets that are complete in b, as copies, and returns the rest. It reports
// false when that begins with a length that no packet has.
func unframe(b []byte, deliver func(media.Packet)) (left []byte, ok bool) {
	for len(b) >= lengthBytes {
		size := length(b)
		if size == 0 || size > wire.MaxPacket {
			return b, false
		}
		if len(b) < lengthBytes+size {
			break
		}
		data := make([]byte, size, size+wire.StampRoom)
		copy(data, b[lengthBytes:])
		deliver(media.Packet{Data: data})
		b = b[lengthBytes+size:]
	}
	return b, true
}

// readLarge reads the rest of a packet that does not fit where it begins, until late, and delivers
// it. It reports whether it could. Memory grows with what arrived.
func (c *conn) readLarge(str *webtransport.ReceiveStream, begin []byte, late time.Time) bool {
	size := length(begin)
	packet := append(make([]byte, 0, min(size, 2*scratchBytes)+wire.StampRoom), begin[lengthBytes:]...)
	m := c.hold(str)
	defer m.abandon()
	_ = str.SetReadDeadline(late)
	for len(packet) < size {
		if len(packet) == cap(packet)-wire.StampRoom {
			grown := make([]byte, len(packet), min(2*len(packet), size)+wire.StampRoom)
			copy(grown, packet)
			packet = grown
		}
		if !m.grow(int64(cap(packet))) {
			c.refuse(str, TooMuch)
			return false
		}
		end := min(cap(packet)-wire.StampRoom, size)
		n, err := io.ReadFull(str, packet[len(packet):end])
		packet = packet[:len(packet)+n]
		if err != nil {
			c.tooSlow(str, err)
			return false
		}
	}
	m.deliver(media.Packet{Data: packet})
	return true
}
