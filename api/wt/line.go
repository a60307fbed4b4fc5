package wt

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
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

	// offeredVoices and offeredPictures may be handed to the library before somebody waits until it
	// is sent: enough that few packets need a goroutine that is woken for them, and on a path that
	// takes nothing for a while no more than people want to hear and see of that afterwards.
	offeredVoices   = 4 << 10
	offeredPictures = unsentBytes
)

// outgoing is what is used of a [quic.SendStream].
type outgoing interface {
	io.WriteCloser
	TryWriteAll(b []byte) error // does not keep b
	WriteWithLimit(b []byte, limit func(int) int) (int, error)
	SetWriteDeadline(t time.Time) error
	CancelWrite(code quic.StreamErrorCode)
}

// line is a long-lived stream of packets with their lengths. Who writes to it has it alone.
type line struct {
	str    outgoing
	unsent atomic.Int64 // bytes that were offered and may still wait in the library
	room   *room
}

// room is for what is offered to some lines.
type room struct {
	bytes int64
	taken atomic.Int64
}

// newLine begins such a stream. Its header arrives even if the stream is reset, where the client
// has room for it now: the library announces what is to arrive without waiting for room, which
// would break the connection. A stream that is reset before its header is one that never was.
func newLine(str *quic.SendStream, header []byte, urgency int8, r *room) (*line, error) {
	str.SetPriority(urgency, true)
	err := str.TryWriteAll(header)
	switch {
	case err == nil:
		str.SetReliableBoundary()
	case errors.Is(err, quic.ErrWouldBlock):
		_, err = str.Write(header) // it is small enough to be copied
	}
	return &line{str: str, room: r}, err
}

// write blocks until all but the last copiedBytes of b are on the wire. It takes as long as the
// client gets on.
func (l *line) write(b []byte, p pace) error {
	for len(b) > 0 {
		n := min(len(b), pieceBytes)
		if err := p.write(l.str, b[:n], nil); err != nil {
			return err
		}
		b = b[n:]
		l.sent() // it waits for what was offered
	}
	return nil
}

// offer hands packet to the library if that need not wait, and not much waits there. What fails is for
// write to tell.
func (l *line) offer(packet []byte) bool {
	size := int64(lengthBytes + len(packet))
	if l.room.taken.Load()+size > l.room.bytes {
		return false
	}
	b := newBurst(pace{})
	defer b.free()
	b.buf = append(binary.BigEndian.AppendUint32(b.buf, uint32(len(packet))), packet...)
	l.unsent.Add(size)
	l.room.taken.Add(size)
	if l.str.TryWriteAll(b.buf) != nil {
		l.sent() // write is going to wait for it
		return false
	}
	return true
}

// sent gives back the room of what was offered: it is sent, or will not be. Any goroutine may call it.
func (l *line) sent() { l.room.taken.Add(-l.unsent.Swap(0)) }

// burst collects packets for a line, so that many of them cost one write.
type burst struct {
	to   destination
	pace pace
	buf  []byte
}

// destination is a line, which does not keep b.
type destination interface {
	write(b []byte, p pace) error
}

var bursts = sync.Pool{New: func() any { return &burst{buf: make([]byte, 0, burstBytes+lengthBytes+largePacket)} }}

// newBurst returns an empty burst; idle connections hold none.
func newBurst(p pace) *burst {
	b := bursts.Get().(*burst)
	b.pace = p
	return b
}

func (b *burst) free() {
	b.to, b.pace, b.buf = nil, pace{}, b.buf[:0]
	bursts.Put(b)
}

func (b *burst) add(packet []byte) error {
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(len(packet)))
	if len(packet) >= largePacket {
		if err := b.flush(); err != nil {
			return err
		}
		return b.to.write(packet, b.pace)
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
	err := b.to.write(b.buf, b.pace)
	b.buf = b.buf[:0]
	return err
}

// drop forgets what was not written.
func (b *burst) drop() { b.buf = b.buf[:0] }

// A length fits.
const _ = uint32(wire.MaxPacket + wire.StampRoom)
