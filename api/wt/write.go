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

	// progressBytes is what a client has to take within the write deadline: 16 KB/s carry a
	// voice and little else.
	progressBytes = 64 << 10

	// copiedBytes is the largest write that the library copies and returns from at once.
	copiedBytes = 1452
)

// Write sends every frame as a datagram or on a stream of its own. It returns when the QUIC
// library has taken all of them, of which at most unsentBytes and one packet wait in it. An
// ended ctx does not interrupt it: the write deadline bounds it.
func (c *conn) Write(ctx context.Context, frames []*media.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	c.wrote.Store(int64(now.Sub(c.born)))
	deadline := now.Add(c.write)
	for _, f := range frames {
		if c.life.Err() != nil {
			return context.Cause(c.life)
		}
		if f.Datagram && c.datagram(f) {
			continue
		}
		if err := c.streams.send(f.Wire, deadline); err != nil {
			return c.writeError(err)
		}
	}
	return nil
}

func (c *conn) writeError(err error) error {
	switch {
	case c.life.Err() != nil:
		return context.Cause(c.life)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Slow, "the client does not take its packets")
	}
	return fmt.Errorf("webtransport: write: %w", err)
}

// sender sends packets on streams of their own. It goes past the session to the connection:
// a stream needs nothing of the session but its number, and only the connection tells when
// bytes were sent.
type sender struct {
	quic   *quic.Conn
	life   context.Context
	header []byte // of every stream
	write  time.Duration
	unsent int // bytes that may still wait in the library

	spare *quic.SendStream // that is open and still empty, or nil
	full  bool             // the client had granted no stream when the last one was to be opened

	// deaf says that the client granted no stream for the write timeout. There are clients
	// that only publish and never look at what they are sent: such a one may stay while it
	// talks, and what it should get is discarded. One that listens again has missed
	// something and is slow: it has to begin anew.
	deaf bool
}

// send blocks until the library has taken packet, at most until deadline.
func (s *sender) send(packet []byte, deadline time.Time) error {
	str, err := s.open(deadline)
	switch {
	case errors.Is(err, errDeaf):
		return nil
	case err != nil:
		return err
	}
	if err := s.fill(str, packet, deadline); err != nil {
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

// errDeaf says that a packet was discarded.
var errDeaf = errors.New("the client listens to nothing")

func (s *sender) open(deadline time.Time) (*quic.SendStream, error) {
	if str := s.spare; str != nil {
		s.spare = nil
		return str, nil
	}
	str, err := s.quic.OpenUniStream()
	_, s.full = errors.AsType[*quic.StreamLimitReachedError](err)
	switch {
	case s.full && s.deaf:
		return nil, errDeaf
	case err == nil && s.deaf:
		str.CancelWrite(quic.StreamErrorCode(firstSessionCode))
		return nil, os.ErrDeadlineExceeded
	case !s.full:
		return str, err
	}
	ctx, cancel := context.WithDeadline(s.life, deadline)
	defer cancel()
	str, err = s.quic.OpenUniStreamSync(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.deaf = true
		return nil, errDeaf
	}
	return str, err
}

func (s *sender) fill(str *quic.SendStream, packet []byte, deadline time.Time) error {
	size := len(s.header) + len(packet)
	if size > copiedBytes {
		// The library returns when it has sent all but the last copiedBytes, and by then
		// something of every stream that was written before.
		s.unsent = copiedBytes
		_ = str.SetWriteDeadline(deadline) // it does not fail
		_, err := str.Write(s.header)
		for err == nil && len(packet) > 0 {
			// A large packet has time as long as it gets on.
			_ = str.SetWriteDeadline(time.Now().Add(s.write))
			n := min(len(packet), progressBytes)
			_, err = str.Write(packet[:n])
			packet = packet[n:]
		}
		return err
	}
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b := append(append((*scratch)[:0], s.header...), packet...)
	if s.unsent+size <= unsentBytes {
		s.unsent += size
		_, err := str.Write(b)
		return err
	}
	// A write with a limit is never copied: it returns when it has been put into network
	// packets. Streams take turns, so what was written before is in them as well.
	s.unsent = 0
	_ = str.SetWriteDeadline(deadline)
	_, err := str.WriteWithLimit(b, func(n int) int { return n })
	return err
}
