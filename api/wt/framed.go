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

// believed is how large a packet may claim to be before its bytes have to come first.
const believed = 64 << 10

// framedMark is the first byte of a stream of packets with their lengths: no packet is 16 MiB
// long, and none begins with a field of number zero.
const framedMark = 0

// readFramed delivers the packets of a long-lived stream that begins with start. A packet that
// has begun may take as long as one on a stream of its own; between packets the stream may be
// silent for as long as the session lives.
func (c *conn) readFramed(str *webtransport.ReceiveStream, start []byte) {
	buf := make([]byte, scratchBytes)
	n := copy(buf, start)
	for {
		left, ok := c.deliverFramed(buf[:n])
		if !ok {
			str.CancelRead(refused)
			return
		}
		n = copy(buf, left)
		if n >= lengthBytes && lengthBytes+length(buf) > len(buf) {
			if n = c.readLarge(str, buf, n); n < 0 {
				return
			}
			continue
		}
		deadline := time.Time{}
		if n > 0 {
			deadline = time.Now().Add(streamTimeout)
		}
		_ = str.SetReadDeadline(deadline) // it does not fail
		m, err := str.Read(buf[n:])
		n += m
		if m == 0 && err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				str.CancelRead(refused)
			}
			return // half a packet is none
		}
	}
}

func length(b []byte) int { return int(binary.BigEndian.Uint32(b)) }

// deliverFramed delivers the packets that are complete in b and returns the rest. It reports
// false for a length that no packet has.
func (c *conn) deliverFramed(b []byte) (left []byte, ok bool) {
	for len(b) >= lengthBytes {
		size := length(b)
		if size == 0 || size > wire.MaxPacket {
			return nil, false
		}
		if len(b) < lengthBytes+size {
			break
		}
		data := make([]byte, size, size+wire.StampRoom)
		copy(data, b[lengthBytes:])
		c.deliver(media.Packet{Data: data})
		b = b[lengthBytes+size:]
	}
	return b, true
}

// readLarge reads the rest of a packet that does not fit into buf, of which n bytes are there,
// and delivers it. It returns 0, or -1 when the stream is over. Memory grows with what arrived.
func (c *conn) readLarge(str *webtransport.ReceiveStream, buf []byte, n int) int {
	size := length(buf)
	packet := append(make([]byte, 0, min(size, believed)+wire.StampRoom), buf[lengthBytes:n]...)
	held := int64(0)
	defer func() { c.partial.Add(-held) }()
	_ = str.SetReadDeadline(time.Now().Add(streamTimeout))
	for len(packet) < size {
		if len(packet) == cap(packet)-wire.StampRoom {
			grown := make([]byte, len(packet), min(2*len(packet), size)+wire.StampRoom)
			copy(grown, packet)
			packet = grown
		}
		more := int64(cap(packet)) - held
		held += more
		if c.partial.Add(more) > partialBytes {
			str.CancelRead(refused)
			return -1
		}
		end := min(cap(packet)-wire.StampRoom, size)
		m, err := io.ReadFull(str, packet[len(packet):end])
		packet = packet[:len(packet)+m]
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				str.CancelRead(refused)
			}
			return -1
		}
	}
	c.deliver(media.Packet{Data: packet})
	return 0
}
