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
// heard, sets a deadline beneath every write, and collects what is written while a batch is
// held. Write may be called by several goroutines, hold and release by one.
type link struct {
	net.Conn
	timeout time.Duration // in which the client has to take corkBytes

	born  time.Time
	heard atomic.Int64 // nanoseconds after born

	ahead ahead // of the goroutine that reads

	mu   sync.Mutex
	cork *[]byte // what a batch collected; nil when none is held
	err  error   // of the first write that failed; what follows would corrupt the stream
}

// newLink returns the link on conn, of which start was read already.
func newLink(conn net.Conn, start []byte, timeout time.Duration) *link {
	l := &link{Conn: conn, timeout: timeout, born: time.Now()}
	l.ahead.init(conn, start)
	return l
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

// release sends what the batch collected and ends it.
func (l *link) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.flush()
	corks.Put(l.cork)
	l.cork = nil
	return err
}

func (l *link) flush() error {
	b := *l.cork
	*l.cork = b[:0]
	if len(b) == 0 {
		return l.err
	}
	return l.send(b)
}

// send takes as long as the client gets on: a large picture over a narrow path is many seconds.
func (l *link) send(p []byte) error {
	for l.err == nil && len(p) > 0 {
		// A context per write would cost a timer, a goroutine and eleven allocations.
		l.err = l.Conn.SetWriteDeadline(time.Now().Add(l.timeout))
		if l.err == nil {
			n := min(len(p), corkBytes)
			_, l.err = l.Conn.Write(p[:n])
			p = p[n:]
		}
	}
	return l.err
}
