package wt

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/wire"
)

const (
	// lengthBytes precede every packet of a long-lived stream: its length, big endian, as in
	// the newer version of the shared contract.
	lengthBytes = 4

	// burstBytes is what is copied together before it is written.
	burstBytes = 64 << 10

	// largePacket is written from where it lies: copying it costs more than one more write.
	largePacket = 16 << 10
)

// line is a long-lived stream of packets with their lengths.
type line struct {
	str *quic.SendStream
}

// newLine begins such a stream. Its header arrives even if the stream is reset, where the client
// has room for it now: the library announces what is to arrive without waiting for room, which
// would break the connection. A stream that is reset before its header is one that never was.
func newLine(str *quic.SendStream, header []byte, urgency int8) (*line, error) {
	str.SetPriority(urgency, true)
	err := str.TryWriteAll(header)
	switch {
	case err == nil:
		str.SetReliableBoundary()
	case errors.Is(err, quic.ErrWouldBlock):
		_, err = str.Write(header) // it is small enough to be copied
	}
	return &line{str}, err
}

// write blocks until all but the last copiedBytes of b are on the wire. It takes as long as the
// client gets on: progressBytes within patience.
func (l *line) write(b []byte, patience time.Duration) error {
	for len(b) > 0 {
		n := min(len(b), progressBytes)
		_ = l.str.SetWriteDeadline(time.Now().Add(patience)) // it does not fail
		if _, err := l.str.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// burst collects packets for a line, so that many of them cost one write.
type burst struct {
	to       *line
	patience time.Duration // see line.write
	buf      []byte
}

var bursts = sync.Pool{New: func() any { return &burst{buf: make([]byte, 0, burstBytes+lengthBytes+largePacket)} }}

// newBurst returns an empty burst; idle connections hold none.
func newBurst(patience time.Duration) *burst {
	b := bursts.Get().(*burst)
	b.patience = patience
	return b
}

func (b *burst) free() {
	b.to, b.buf = nil, b.buf[:0]
	bursts.Put(b)
}

func (b *burst) add(packet []byte) error {
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(len(packet)))
	if len(packet) >= largePacket {
		if err := b.flush(); err != nil {
			return err
		}
		return b.to.write(packet, b.patience)
	}
	b.buf = append(b.buf, packet...)
	if len(b.buf) >= burstBytes {
		return b.flush()
	}
	return nil
}

func (b *burst) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	err := b.to.write(b.buf, b.patience)
	b.buf = b.buf[:0]
	return err
}

// drop forgets what was not written.
func (b *burst) drop() { b.buf = b.buf[:0] }

// A length fits.
const _ = uint32(wire.MaxPacket + wire.StampRoom)
