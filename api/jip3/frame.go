package jip3

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// MaxHello is the longest introduction in bytes. The longest legal one has 818.
	MaxHello = 4 << 10

	// MaxEvent is the longest event in bytes, its time and number included. The longest that
	// the parameters of any known chain allow has 105 KB.
	MaxEvent = 256 << 10

	// maxSkip is the longest event that is read past. Who announces more than that does not
	// send events, or lost count.
	maxSkip = 1 << 20

	// restSize is what a connection keeps for what it receives: what a node sends at a time, unless it
	// is a lot or the server is behind.
	restSize = 2 << 10

	// bufferSize is what a connection borrows while that is too little.
	bufferSize = 16 << 10

	// largeBuffers is how many events at once, of all connections, may be longer than that.
	largeBuffers = 32

	// lastChance is how long it is looked whether something came while the server had no time to
	// read, before a node is taken for slow or silent.
	lastChance = time.Millisecond

	prefix = 4 // bytes of the length before each message
	header = 9 // bytes of an event before its body: time and kind
)

// AppendMessage appends a message with its length before it.
func AppendMessage(dst, message []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(message))), message...)
}

// AppendEvent appends an event as a message: its time by the epoch of the catalogue, its kind
// and its body.
func AppendEvent(dst []byte, micros uint64, kind byte, body []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(header+len(body)))
	dst = append(binary.LittleEndian.AppendUint64(dst, micros), kind)
	return append(dst, body...)
}

// Why a stream of messages ends, besides errors of the connection.
var (
	errSilent   = errors.New("silent for too long")
	errSlow     = errors.New("a message took too long to arrive")
	errLost     = errors.New("announced a message of impossible length")
	errTooLarge = errors.New("too large") // of one message; the next one can be read
	errBusy     = errors.New("no room for a large message")
	errPartial  = errors.New("ended within a message")
)

// buffers are lent to connections that receive much.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// reader cuts what a connection sends into messages.
type reader struct {
	conn  net.Conn
	idle  time.Duration // that may pass between messages
	frame time.Duration // that one message may be waited for from its first byte to its last
	max   int           // bytes of a message
	large *pool

	buf      []byte
	at, end  int               // what is received and not taken is buf[at:end]
	rest     []byte            // what buf is while little comes
	borrowed *[bufferSize]byte // what buf is otherwise; nil while it is not
	full     bool              // there was more than the last read had room for
	lent     []byte            // a large buffer in use
	begun    bool              // part of a message came
	waited   time.Duration     // for the rest of it
	received time.Time         // when the last bytes came
}

// next returns the next message, which is good until the call after it. The errors
// errTooLarge and errBusy are of that message alone.
func (r *reader) next() ([]byte, error) {
	r.giveBack()
	if err := r.want(prefix); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(r.buf[r.at:]))
	switch {
	case n > maxSkip:
		return nil, errLost
	case n > r.max:
		return nil, r.skip(n, errTooLarge)
	case prefix+n > bufferSize:
		return r.nextLarge(n)
	}
	if err := r.want(prefix + n); err != nil {
		return nil, err
	}
	message := r.buf[r.at+prefix : r.at+prefix+n]
	r.take(prefix + n)
	return message, nil
}

// take is called when a message is complete, or n bytes of one that is skipped.
func (r *reader) take(n int) {
	r.at += n
	r.begun, r.waited = false, 0
}

// want waits until n bytes are there, which a borrowed buffer can hold.
func (r *reader) want(n int) error {
	for r.end-r.at < n {
		switch {
		case n > len(r.buf) || r.full && r.borrowed == nil:
			r.borrow()
		case r.at == r.end && !r.full:
			r.settle()
		case r.at == r.end || len(r.buf)-r.at < n:
			r.end = copy(r.buf, r.buf[r.at:r.end])
			r.at = 0
		}
		got, err := r.read(r.buf[r.end:])
		r.end += got
		if err != nil {
			return err
		}
	}
	return nil
}

// borrow goes on in a larger buffer. The one before is left as it is, for the last message is there.
func (r *reader) borrow() {
	r.borrowed = buffers.Get().(*[bufferSize]byte)
	r.end = copy(r.borrowed[:], r.buf[r.at:r.end])
	r.at, r.buf = 0, r.borrowed[:]
}

// settle goes on in the small buffer, with nothing.
func (r *reader) settle() {
	if r.borrowed != nil {
		buffers.Put(r.borrowed)
		r.borrowed = nil
	}
	r.buf, r.at, r.end = r.rest, 0, 0
}

// read reads something, by the deadline that is due. What counts is how long there was nothing to
// read: that the server has too much to do is no fault of the node.
func (r *reader) read(into []byte) (int, error) {
	left, late := r.idle, errSilent
	if r.within() {
		r.begun = true
		left, late = r.frame-r.waited, errSlow
	}
	n, err := r.wait(into, left)
	if n == 0 && isTimeout(err) {
		n, err = r.wait(into, lastChance)
	}
	switch {
	case n > 0:
		return n, nil
	case isTimeout(err):
		return 0, late
	case errors.Is(err, io.EOF) && r.begun:
		return 0, errPartial
	}
	return 0, err
}

// wait reads something that is there or comes in time.
func (r *reader) wait(into []byte, most time.Duration) (int, error) {
	asked := time.Now()
	if err := r.conn.SetReadDeadline(asked.Add(max(most, lastChance))); err != nil {
		return 0, err
	}
	n, err := r.conn.Read(into)
	r.received, r.full = time.Now(), n == len(into)
	if r.begun {
		r.waited += r.received.Sub(asked)
	}
	return n, err
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// nextLarge reads a message that the buffer cannot hold.
func (r *reader) nextLarge(n int) ([]byte, error) {
	if r.lent = r.large.lend(); r.lent == nil {
		return nil, r.skip(n, errBusy)
	}
	r.begun = true
	have := copy(r.lent[:n], r.buf[r.at+prefix:r.end])
	r.at, r.end = 0, 0
	for have < n {
		got, err := r.read(r.lent[have:n])
		have += got
		if err != nil {
			return nil, err
		}
	}
	r.take(0)
	return r.lent[:n], nil
}

// skip reads past a message of n bytes and returns why.
func (r *reader) skip(n int, why error) error {
	r.begun = true
	left := prefix + n
	for {
		have := min(left, r.end-r.at)
		r.at += have
		if left -= have; left == 0 {
			r.take(0)
			return why
		}
		r.at, r.end = 0, 0
		got, err := r.read(r.buf)
		r.end = got
		if err != nil {
			return err
		}
	}
}

// within reports whether part of a message has come.
func (r *reader) within() bool { return r.begun || r.end > r.at }

// close returns what is lent. The last message is no longer good.
func (r *reader) close() {
	r.giveBack()
	r.settle()
}

// giveBack returns the large buffer.
func (r *reader) giveBack() {
	if r.lent != nil {
		r.large.giveBack(r.lent)
		r.lent = nil
	}
}

// pool lends buffers of [MaxEvent] bytes. It makes them when they are needed.
type pool struct {
	free chan []byte // nil until it is made
}

func newPool(n int) *pool {
	p := &pool{free: make(chan []byte, n)}
	for range n {
		p.free <- nil
	}
	return p
}

// lend returns a buffer, or nil when all are lent.
func (p *pool) lend() []byte {
	select {
	case b := <-p.free:
		if b == nil {
			b = make([]byte, MaxEvent)
		}
		return b
	default:
		return nil
	}
}

func (p *pool) giveBack(b []byte) { p.free <- b }
