package ws

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
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

// link lies between the WebSocket library and the network. It notes when something was
// heard, sets a deadline beneath every write that waits, and collects what is written while a batch
// is held. Write may be called by several goroutines, hold and release by one.
type link struct {
	net.Conn
	spill   *spill        // beneath it
	timeout time.Duration // in which the client has to take corkBytes

	born  time.Time
	heard atomic.Int64 // nanoseconds after born

	ahead ahead // of the goroutine that reads

	mu    sync.Mutex
	cork  *[]byte // what a batch collected; nil when none is held
	eager bool    // the batch is not waited for
	err   error   // of the first write that failed; what follows would corrupt the stream
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
	n, err := l.ahead.Read(p)
	if n > 0 {
		l.heard.Store(int64(time.Since(l.born)))
	}
	if err == io.EOF {
		// The library takes a plain EOF in the middle of a message for its end and would
		// deliver half a packet. Polite ends have a close frame.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Write sends p, or keeps a copy until release when a batch is held.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cork == nil {
		return len(p), l.send(p)
	}
	if len(*l.cork)+len(p) > corkBytes {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > corkBytes {
		return len(p), l.send(p)
	}
	*l.cork = append(*l.cork, p...)
	return len(p), l.err
}

// hold starts a batch: what is written from now on waits for release.
func (l *link) hold() {
	l.mu.Lock()
	l.cork = corks.Get().(*[]byte)
	l.mu.Unlock()
}

// tryHold is hold for a batch that is not waited for. It reports false when somebody waits for
// the network already.
func (l *link) tryHold() bool {
	if !l.mu.TryLock() {
		return false
	}
	defer l.mu.Unlock()
	if waits, err := l.spill.state(); waits || err != nil {
		return false
	}
	l.cork, l.eager = corks.Get().(*[]byte), true
	return true
}

// release sends what the batch collected and ends it. It reports whether all of it has been sent.
func (l *link) release() (sent bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.flush()
	corks.Put(l.cork)
	l.cork, l.eager = nil, false
	waits, _ := l.spill.state()
	return !waits, err
}

func (l *link) flush() error {
	b := *l.cork
	*l.cork = b[:0]
	return l.send(b)
}

// send hands p to the kernel piece by piece. Unless the batch is eager it waits until that has taken
// it, as long as the client gets on: a large picture over a narrow path is many seconds.
func (l *link) send(p []byte) error {
	for l.err == nil {
		n := min(len(p), corkBytes)
		if n > 0 {
			_, l.err = l.Conn.Write(p[:n])
		}
		if l.err == nil && !l.eager {
			l.err = l.spill.flush(l.timeout)
		}
		if p = p[n:]; len(p) == 0 {
			break
		}
	}
	return l.err
}
