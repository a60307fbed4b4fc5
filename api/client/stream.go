package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"parley/api/wire"
)

// maxReceived is the largest packet that a server sends.
const maxReceived = wire.MaxPacket + wire.StampRoom

var errTooLarge = errors.New("packet too large")

// readers are large enough for nearly all packets.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}

// readStream delivers what a stream carries: one packet, or several, each after its length.
// The first byte of such a length is zero, which no packet begins with; long is called then. lasts says
// that streams are expected to be such: one without a byte is no packet without one.
func readStream(str io.Reader, lasts bool, deliver func(Packet) error, long func()) error {
	r := readers.Get().(*bufio.Reader)
	r.Reset(str)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	switch first, err := r.Peek(1); {
	case err == io.EOF && lasts:
		return nil // before its first packet
	case err == io.EOF:
		return deliver(Packet{Data: []byte{}})
	case err != nil:
		return err
	case first[0] == 0:
		long()
		return readFramed(r, deliver)
	}
	b, err := readPacket(r)
	if err != nil {
		return err
	}
	return deliver(Packet{Data: b})
}

func readFramed(r *bufio.Reader, deliver func(Packet) error) error {
	var length [4]byte
	for {
		if _, err := io.ReadFull(r, length[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(length[:])
		if size == 0 || size > maxReceived {
			return errTooLarge
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if err := deliver(Packet{Data: b}); err != nil {
			return err
		}
	}
}

var scratches = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// readPacket reads a stream or message to its end. Nearly all packets fit into a scratch buffer
// and are copied out of it, which is cheaper than a buffer that grows.
func readPacket(r io.Reader) ([]byte, error) {
	scratch := scratches.Get().(*[4 << 10]byte)
	defer scratches.Put(scratch)
	n, err := io.ReadFull(r, scratch[:])
	switch err {
	case io.EOF, io.ErrUnexpectedEOF:
		return append(make([]byte, 0, n), scratch[:n]...), nil
	case nil:
	default:
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(r, maxReceived+1-int64(n)))
	if err == nil && n+len(rest) > maxReceived {
		err = errTooLarge
	}
	return slices.Concat(scratch[:n], rest), err // a copy even when rest is empty
}

// line is a long-lived stream of packets.
type line struct {
	mu  sync.Mutex
	str sendStream
	buf []byte
}

// lines are those of one session, by lineOf.
type lines [3]line

// lineOf keeps kinds of packets from waiting for each other.
func lineOf(packet []byte) int {
	switch info := wire.Classify(packet); {
	case info.Class != wire.MediaFrame:
		return 0
	case info.Stream == wire.Audio:
		return 1
	default:
		return 2
	}
}

func (l *line) send(ctx context.Context, sess session, packet []byte) error {
	if len(packet) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.str == nil {
		str, err := sess.OpenUniStreamSync(ctx)
		if err != nil {
			return err
		}
		l.str = str
	}
	str := l.str
	defer context.AfterFunc(ctx, func() { str.CancelWrite(0) })()
	l.buf = append(binary.BigEndian.AppendUint32(l.buf[:0], uint32(len(packet))), packet...)
	_, err := str.Write(l.buf)
	if err != nil {
		l.str = nil
	}
	return err
}
