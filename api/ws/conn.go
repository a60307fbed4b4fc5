package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
	"parley/api/wire"
)

const (
	// closeTimeout is how long the closing handshake may take.
	closeTimeout = 900 * time.Millisecond

	// scratchBytes holds nearly all packets but keyframes. They are read here first and
	// then copied into a buffer of their exact size, because queues keep it.
	scratchBytes = 4 << 10

	// readMost is how much of a packet is read at once, in bytes.
	readMost = 256 << 10
)

var scratches = sync.Pool{New: func() any {
	b := make([]byte, scratchBytes)
	return &b
}}

// errClosed is what Read and Write return once this side closed the connection.
var errClosed = fmt.Errorf("websocket: %w", net.ErrClosed)

// conn is one WebSocket connection.
type conn struct {
	sock    *websocket.Conn
	link    *link
	patient time.Duration // with a packet that has begun
	intake  *intake.Intake
	taken   *intake.Arrival // of the message that is read or was read last; nil: it is small

	mu    sync.Mutex
	cause error // why this side ended the connection; the first reason wins

	bound  context.Context // the context that Read is bound to
	unbind func() bool

	closing sync.Once
}

var (
	_ media.EagerConn  = (*conn)(nil)
	_ media.GaugedConn = (*conn)(nil)
)

func newConn(sock *websocket.Conn, l *link, opt *Options) *conn {
	sock.SetReadLimit(-1) // message does it, and closes with a code of ours
	return &conn{
		sock:    sock,
		link:    l,
		patient: opt.Message,
		intake:  opt.Intake,
	}
}

// Transport returns [media.WebSocket].
func (c *conn) Transport() media.Transport { return media.WebSocket }

// Read returns the next binary message. When ctx ends, the connection ends with it.
func (c *conn) Read(ctx context.Context) (media.Packet, error) {
	c.letGo()
	if err := c.bind(ctx); err != nil {
		return media.Packet{}, err
	}
	for {
		typ, r, err := c.sock.Reader(context.Background())
		if err != nil {
			return media.Packet{}, c.readError(err)
		}
		data, err := c.message(r)
		if err != nil {
			c.letGo()
			return media.Packet{}, c.readError(err)
		}
		if typ == websocket.MessageBinary {
			return media.Packet{Data: data}, nil
		}
		c.letGo()
	}
}

// letGo gives back what the message holds that was read last. Only who calls Read calls it, and who comes
// after the session.
func (c *conn) letGo() {
	if c.taken != nil {
		c.taken.Done()
		c.taken = nil
	}
}

// message reads one message into a buffer of its own. The buffer grows with what arrived,
// never with what a peer announces.
func (c *conn) message(r io.Reader) ([]byte, error) {
	scratch := scratches.Get().(*[]byte) // most connections are silent most of the time
	defer scratches.Put(scratch)
	buf, n := *scratch, 0
	// A packet that comes byte by byte would keep its buffer for ever.
	var late *time.Timer
	defer func() {
		if late != nil {
			late.Stop()
		}
	}()
	for parts := 0; ; parts++ {
		if parts == 3 { // those that come in one piece take three: what came with the header, the rest, the end
			late = time.AfterFunc(c.patient, func() {
				c.fail(fault.New(fault.Slow, "a packet took longer than %v", c.patient))
			})
		}
		m, err := r.Read(buf[n:min(len(buf), n+readMost)])
		if n += m; m == readMost {
			runtime.Gosched() // it is a large one, for which nobody else has to wait
		}
		switch {
		case n > wire.MaxPacket:
			return nil, fault.New(fault.TooLarge, "packets are limited to %d bytes", wire.MaxPacket)
		case err == io.EOF:
			if &buf[0] != &(*scratch)[0] {
				return buf[:n], nil
			}
			exact := make([]byte, n, n+wire.StampRoom)
			copy(exact, buf)
			return exact, nil
		case err != nil:
			return nil, err
		case n == len(buf):
			size := min(2*len(buf), wire.MaxPacket+1)
			if c.taken == nil && size > intake.Free {
				c.taken = c.intake.Begin(func() { c.fail(intake.ErrCrowded) })
			}
			if c.taken != nil && !c.taken.Hold(int64(size), int64(size)) {
				return nil, intake.ErrCrowded
			}
			grown := make([]byte, size, size+wire.StampRoom)
			copy(grown, buf)
			buf = grown
		}
	}
}

// bind makes the end of ctx end the connection. A session reads with one context all its
// life, so this is done once and not once per packet.
func (c *conn) bind(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	if ctx == c.bound {
		return nil
	}
	if c.unbind != nil {
		c.unbind()
	}
	c.bound, c.unbind = ctx, nil
	if ctx.Done() == nil { // it never ends
		return nil
	}
	c.unbind = context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
	return nil
}

// readError translates an error of the library.
func (c *conn) readError(err error) error {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	if cause != nil {
		return cause
	}
	switch status := websocket.CloseStatus(err); {
	case status == websocket.StatusNormalClosure, status == websocket.StatusGoingAway,
		status == websocket.StatusNoStatusRcvd, status >= 3000:
		return io.EOF
	case status != -1:
		return fault.Wrap(err, fault.Protocol, "the client gave up with status %d", status)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	_, network := errors.AsType[net.Error](err)
	_, system := errors.AsType[syscall.Errno](err)
	if network || system || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) {
		// Not wrapped: a connection that breaks off is not a peer that says goodbye, and
		// must not look like io.EOF.
		return fmt.Errorf("websocket: connection lost: %v", err)
	}
	return fault.Wrap(err, fault.Protocol, "not a WebSocket message")
}

// Write sends one binary message per frame, all of them in one write to the network unless
// they are many. An ended ctx does not interrupt it: the write deadline bounds it.
func (c *conn) Write(ctx context.Context, frames []*media.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := c.link.packets(frames)
	if err == nil {
		return nil
	}
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	switch {
	case cause != nil:
		return cause
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Wrap(err, fault.Slow, "the client does not take its packets")
	}
	return fmt.Errorf("websocket: write: %w", err)
}

// Offer implements [media.EagerConn]. What fails is for Write to tell.
func (c *conn) Offer(frames []*media.Frame) (left []*media.Frame, ok bool) {
	begun, ok := c.link.offer(frames)
	if !begun {
		return frames, false
	}
	return nil, ok
}

// Rate implements [media.GaugedConn].
func (c *conn) Rate() int { return c.link.spill.gauge.rate() }

// fail ends the connection without a closing handshake, which might take for ever. Read and Write return err,
// unless there was a reason before. It does not block.
func (c *conn) fail(err error) {
	c.end(err)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		c.link.farewell(outside(f.Code))
	}
	_ = c.link.Close()
	_ = c.sock.CloseNow()
}

// end notes why this side ends the connection.
func (c *conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
	if c.unbind != nil {
		c.unbind()
		c.unbind = nil
	}
}

// Close sends a close frame with the close code of code, waits a moment for the answer and
// closes the connection. Callers after the first wait with it and get nil.
func (c *conn) Close(code fault.Code) error {
	var err error
	c.closing.Do(func() {
		c.end(errClosed)
		// Whatever blocks, in here or in a Read or Write, ends with the network connection.
		cut := time.AfterFunc(closeTimeout, func() { _ = c.link.Close() })
		defer cut.Stop()
		defer c.link.Close()
		status, reason := outside(code)
		err = c.sock.Close(websocket.StatusCode(status), reason)
		if errors.Is(err, net.ErrClosed) {
			err = nil // the peer was first
		}
	})
	return err
}

// outside is what a close frame says to clients, and to people.
func outside(code fault.Code) (status uint16, reason string) {
	out, ok := fault.Codes[code]
	if !ok {
		out = fault.Codes[fault.Internal]
	}
	if code == fault.Reserved {
		return out.Close, "Session rejected" // existing clients know this text
	}
	return out.Close, string(code)
}
