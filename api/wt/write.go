package wt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/fault"
	"parley/api/media"
)

const (
	// unsentBytes is what may be handed to the QUIC library before a write waits until it
	// is really sent: enough for a few runs of segmentation offload, and on a link of
	// 1 Mbit/s a quarter of a second.
	unsentBytes = 32 << 10

	// progressBytes is what a client has to take within the write timeout, as over WebSocket: 4 KB/s
	// carry a voice.
	progressBytes = 16 << 10

	// pieceBytes are written at once.
	pieceBytes = 64 << 10

	// urgencyPatient is that of pictures beside streams whose urgency nobody sets, see [quic.SendStream.SetPriority].
	urgencyPatient = 4

	// copiedBytes is the largest write that the library copies and returns from at once.
	copiedBytes = 1452
)

// Write sends every frame as a datagram or on a stream of its own. It returns when the QUIC
// library has taken all of them, of which at most unsentBytes and one packet wait in it. An
// ended ctx does not interrupt it: the write timeout bounds it, as far as the client does not get on.
func (c *conn) Write(ctx context.Context, frames []*media.Frame) error {
	return c.writeTo(ctx, &c.streams, frames)
}

// WritePictures implements [media.PictureConn].
func (c packetConn) WritePictures(ctx context.Context, frames []*media.Frame) error {
	return c.writeTo(ctx, c.pictures, frames)
}

// AwaitPicture implements [media.PatientConn].
func (c packetConn) AwaitPicture() error {
	str, err := c.pictures.open()
	switch {
	case errors.Is(err, errDeaf): // what it is sent is discarded
		return nil
	case err != nil:
		return c.writeError(err)
	}
	c.pictures.spare = str
	return nil
}

func (c *conn) writeTo(ctx context.Context, s *sender, frames []*media.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.wrote.Store(int64(time.Since(c.born)))
	for _, f := range frames {
		if c.life.Err() != nil {
			return context.Cause(c.life)
		}
		if f.Datagram && c.datagram(f) {
			continue
		}
		if err := s.send(f.Wire); err != nil {
			return c.writeError(err)
		}
	}
	return nil
}

func (c *conn) writeError(err error) error {
	_, idle := errors.AsType[*quic.IdleTimeoutError](err)
	switch {
	case c.life.Err() != nil:
		return context.Cause(c.life)
	case idle: // and who reads has not noticed yet
		return reasonOf(err, err, false)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Slow, "the client does not take its packets")
	}
	return fmt.Errorf("webtransport: write: %w", err)
}

// sender sends packets on streams of their own. It goes past the session to the connection:
// a stream needs nothing of the session but its number, and only the connection tells when
// bytes were sent. One goroutine uses it at a time.
type sender struct {
	leave   *leave
	header  []byte // of every stream
	pace    pace
	patient bool             // what it sends goes when nothing else waits
	unsent  int              // bytes that may still wait in the library, at most
	longest int              // of those of one stream
	spare   *quic.SendStream // that is open and still empty, or nil
}

// send blocks until the library has taken packet.
func (s *sender) send(packet []byte) error {
	str, err := s.open()
	switch {
	case errors.Is(err, errDeaf):
		return nil
	case err != nil:
		return err
	}
	if err := s.fill(str, packet); err != nil {
		if e, ok := errors.AsType[*quic.StreamError](err); ok && e.Remote {
			return nil // the client does not want this one packet
		}
		str.CancelWrite(quic.StreamErrorCode(firstSessionCode))
		return err
	}
	// It fails for a stream that the client has refused meanwhile. A lost connection shows
	// in what is written next.
	_ = str.Close()
	return nil
}

// openNow returns a stream if there is one now.
func (s *sender) openNow() (str *quic.SendStream, err error) {
	if str, s.spare = s.spare, nil; str == nil {
		if str, err = s.leave.take(s.patient); err == nil {
			s.rank(str)
		}
	}
	return str, err
}

// open returns a stream, and waits for it.
func (s *sender) open() (*quic.SendStream, error) {
	str, err := s.openNow()
	if errors.Is(err, errFull) {
		if str, err = s.leave.wait(s.patient, s.pace.patience); err == nil {
			s.rank(str)
		}
	}
	return str, err
}

func (s *sender) rank(str *quic.SendStream) {
	if s.patient {
		str.SetPriority(urgencyPatient, true)
	}
}

// fits reports whether packet need not wait for those before it.
func (s *sender) fits(packet []byte) bool {
	size := len(s.header) + len(packet)
	return size <= largePacket && s.unsent+size <= unsentBytes
}

// copies reports whether the library has copied packet into str, which it does not where that had to wait.
func (s *sender) copies(str outgoing, packet []byte) bool {
	if !s.fits(packet) {
		return false
	}
	b := newBurst(pace{})
	defer b.free()
	b.buf = append(append(b.buf, s.header...), packet...)
	if str.TryWriteAll(b.buf) != nil {
		return false
	}
	s.keeps(len(b.buf))
	return true
}

// keeps notes that n bytes of a stream may wait in the library.
func (s *sender) keeps(n int) {
	s.unsent += n
	s.longest = max(s.longest, n)
}

// waited notes that n bytes of a stream were put into network packets, and so as many of each that was
// written before: streams take turns.
func (s *sender) waited(n int) {
	if n >= s.longest {
		s.unsent, s.longest = 0, 0
		return
	}
	s.unsent = s.unsent * (s.longest - n) / s.longest // or less, of those that are shorter
	s.longest -= n
}

// fill writes packet to str. It blocks if too much waits in the library, or the client has no room.
func (s *sender) fill(str outgoing, packet []byte) error {
	if s.copies(str, packet) {
		return nil
	}
	size := len(s.header) + len(packet)
	if size > copiedBytes {
		err := s.pace.write(str, s.header, nil)
		for err == nil && len(packet) > 0 {
			n := min(len(packet), pieceBytes)
			err = s.pace.write(str, packet[:n], nil)
			packet = packet[n:]
		}
		if err == nil {
			s.waited(size - copiedBytes) // the library returns when it has sent all but those
			s.keeps(copiedBytes)
		}
		return err
	}
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b := append(append((*scratch)[:0], s.header...), packet...)
	if s.unsent+size <= unsentBytes {
		s.keeps(size)
		_, err := str.Write(b)
		return err
	}
	// A write with a limit is never copied: it returns when it has been put into network packets.
	err := s.pace.write(str, b, func(n int) int { return n })
	if err == nil {
		s.waited(size)
	}
	return err
}

// pace is how slow a client may be: it has to take progressBytes within patience, of whatever it is sent.
type pace struct {
	quic     *quic.Conn
	patience time.Duration
}

// write is WriteWithLimit of a client that gets on.
func (p pace) write(str outgoing, b []byte, limit func(int) int) error {
	for {
		before := p.sent()
		_ = str.SetWriteDeadline(time.Now().Add(p.patience)) // it does not fail
		n, err := str.WriteWithLimit(b, limit)
		if !errors.Is(err, os.ErrDeadlineExceeded) || p.sent()-before < progressBytes {
			return err
		}
		b = b[n:]
	}
}

// sent returns how many bytes were sent and are not known to be lost.
func (p pace) sent() int64 {
	s := p.quic.ConnectionStats()
	return int64(s.BytesSent) - int64(s.BytesLost)
}
