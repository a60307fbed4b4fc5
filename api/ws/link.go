package ws

import (
	"cmp"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/media"
)

// corkBytes is how much a batch collects before it is handed to the kernel: four TLS records
// of full size, and more than one session gets in one go unless it is behind.
const corkBytes = 64 << 10

// unsentMost is how much of it may wait in the kernel for room in the network, in bytes.
const unsentMost = 64 << 10

var corks = sync.Pool{New: func() any {
	b := make([]byte, 0, corkBytes)
	return &b
}}

// Frames as RFC 6455, 5.2 has them; those of a server have no mask.
const (
	finalBit  = 0x80
	opBinary  = 0x2
	opClose   = 0x8
	opPing    = 0x9
	headerMax = 10 // bytes
)

// appendHeader appends what comes before a message of size bytes.
func appendHeader(b []byte, size int) []byte {
	switch {
	case size < 126:
		return append(b, finalBit|opBinary, byte(size))
	case size < 1<<16:
		return append(b, finalBit|opBinary, 126, byte(size>>8), byte(size))
	}
	return binary.BigEndian.AppendUint64(append(b, finalBit|opBinary, 127), uint64(size))
}

// controlMax is the size of the largest control frame, in bytes.
const controlMax = 2 + 125

// saidMax bounds the control frames that wait: who asks for more has to wait itself.
const saidMax = 16 * controlMax

// link lies between the WebSocket library and the network. It notes when something was heard and
// sets a deadline beneath every write that waits. The library writes control frames only. Packets
// are framed here: that is a few bytes before each, while the library takes three locks for it and
// knows nothing of batches.
//
// Who has the turn writes, and passes it at the end of a frame. Any goroutine may call Write and ping,
// one at a time packets or offer.
type link struct {
	net.Conn
	spill   *spill        // beneath it
	timeout time.Duration // in which the client has to take progressBytes

	born  time.Time
	heard atomic.Int64 // nanoseconds after born

	ahead ahead // of the goroutine that reads

	turn sync.Mutex
	err  error // why nothing follows: a write failed in the middle of a frame, or the last frame was written

	mu   sync.Mutex
	said []byte // control frames that came during the turn of another, who sends them
	last bool   // they end with a close frame
}

// newLink returns the link on conn, of which start was read already. What is written to conn from
// now on is written by the link.
func newLink(conn net.Conn, start []byte, timeout time.Duration) (*link, error) {
	conn, s := spillBeneath(conn)
	l := &link{Conn: conn, spill: s, timeout: timeout, born: time.Now()}
	l.ahead.init(conn, start)
	return l, s.eager()
}

// silence returns how long nothing has been heard.
func (l *link) silence() time.Duration {
	return time.Since(l.born) - time.Duration(l.heard.Load())
}

func (l *link) Read(p []byte) (int, error) {
	fresh := len(l.ahead.rest) == 0
	n, err := l.ahead.Read(p)
	if fresh && n > 0 {
		l.heard.Store(int64(time.Since(l.born)))
	}
	if err == io.EOF {
		// The library takes a plain EOF in the middle of a message for its end and would
		// deliver half a packet. Polite ends have a close frame.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Write sends p, which is a control frame of the library. It waits for the turn of another only
// with the last one: with others the library would lose its patience in the middle of a large picture.
func (l *link) Write(p []byte) (int, error) {
	last := p[0] == finalBit|opClose
	l.mu.Lock()
	l.said = append(l.said, p...)
	l.last = l.last || last
	full := len(l.said) > saidMax
	l.mu.Unlock()
	if last || full {
		l.turn.Lock()
	} else if !l.turn.TryLock() {
		return len(p), nil
	}
	err := l.border(nil, true)
	_, _ = l.pass(true)
	return len(p), err
}

// ping sends a ping. That of the library is a goroutine until the pong is there.
func (l *link) ping() error {
	_, err := l.Write([]byte{finalBit | opPing, 0})
	return err
}

// farewell sends a close frame where that need not wait: who does not answer may be there again later, and then
// wants to know why the connection is gone. It does not block.
func (l *link) farewell(code uint16, reason string) {
	if !l.turn.TryLock() {
		return
	}
	if waits, err := l.spill.state(); !waits && err == nil {
		p := append([]byte{finalBit | opClose, byte(2 + len(reason))}, byte(code>>8), byte(code))
		l.mu.Lock()
		l.said, l.last = append(append(l.said, p...), reason...), true
		l.mu.Unlock()
		_ = l.border(nil, false)
	}
	_, _ = l.pass(false)
}

// packets sends frames, one message each. It waits until the kernel has taken them, as long as the
// client gets on: a large picture over a narrow path is many seconds.
func (l *link) packets(frames []*media.Frame) error {
	l.turn.Lock()
	err := l.batch(frames, true)
	_, passed := l.pass(true)
	return cmp.Or(err, passed)
}

// offer is packets that does not wait. It begins with nothing while somebody waits for the
// network already; sent says that all is on its way.
func (l *link) offer(frames []*media.Frame) (begun, sent bool) {
	if !l.turn.TryLock() {
		return false, false
	}
	if waits, err := l.spill.state(); waits || err != nil {
		_, _ = l.pass(false)
		return false, false
	}
	_ = l.batch(frames, false)
	sent, err := l.pass(false)
	return true, sent && err == nil
}

// pass ends the turn, and sends the control frames that came too late for the last border. It reports
// whether nothing waits for the network.
func (l *link) pass(wait bool) (sent bool, err error) {
	for {
		waits, _ := l.spill.state()
		sent, err = !waits, l.err
		l.turn.Unlock()
		l.mu.Lock()
		more := len(l.said) > 0
		l.mu.Unlock()
		if !more || !l.turn.TryLock() {
			return sent, err
		}
		_ = l.border(nil, wait)
	}
}

// batch sends frames. It copies those that are not large: that takes no longer than for the kernel to
// gather them, whatever their size.
func (l *link) batch(frames []*media.Frame, wait bool) error {
	cork := corks.Get().(*[]byte)
	defer corks.Put(cork)
	b := (*cork)[:0]
	for _, f := range frames {
		large := headerMax+len(f.Wire) > corkBytes
		if len(b) > 0 && (large || len(b)+headerMax+len(f.Wire) > corkBytes) {
			if err := l.border(b, wait); err != nil {
				return err
			}
			b = b[:0]
		}
		b = appendHeader(b, len(f.Wire))
		if !large {
			b = append(b, f.Wire...)
			continue
		}
		if err := l.send(b, wait); err != nil {
			return err
		}
		if err := l.send(f.Wire, wait); err != nil {
			return err
		}
		b = b[:0]
	}
	return l.border(b, wait)
}

// border sends b, at the end of which a frame ends, and the control frames that wait.
func (l *link) border(b []byte, wait bool) error {
	l.mu.Lock()
	said, last := l.said, l.last
	l.said = nil
	l.mu.Unlock()
	if len(said) > 0 {
		b = append(b, said...)
	}
	err := l.send(b, wait)
	if last && l.err == nil {
		l.err = errClosed // nothing follows a close frame
	}
	return err
}

// send hands p to the kernel piece by piece. Between two of them others go first: a large picture takes
// the kernel milliseconds, and who comes in waits for a dozen goroutines one after the other.
func (l *link) send(p []byte, wait bool) error {
	for l.err == nil {
		n := min(len(p), corkBytes)
		if n > 0 {
			_, l.err = l.Conn.Write(p[:n])
		}
		if l.err == nil && wait {
			l.err = l.spill.flush(l.timeout)
		}
		if p = p[n:]; len(p) == 0 {
			break
		}
		runtime.Gosched()
	}
	return l.err
}
