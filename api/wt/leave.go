package wt

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

var (
	// errFull says that the client grants no stream now.
	errFull = errors.New("no stream is granted")
	// errDeaf says that a packet was discarded.
	errDeaf = errors.New("the client listens to nothing")
)

// leave is what a client grants: streams, which may be too few. Who is patient gets one when nobody
// else waits; the library alone would give them out in the order in which they were asked for.
type leave struct {
	quic *quic.Conn
	life context.Context
	full atomic.Bool // there was none when the last one was wanted

	mu      sync.Mutex
	granted uint64             // how many there were
	urgent  int                // who waits and is not patient
	pass    chan struct{}      // closed when urgent is 0 again; nil while it is
	yield   context.CancelFunc // interrupts who is patient and waits in the library; nil is nobody

	// deaf says that the client granted no stream for the write timeout. There are clients
	// that only publish and never look at what they are sent: such a one may stay while it
	// talks, and what it should get is discarded. One that listens again has missed
	// something and is slow: it has to begin anew.
	deaf bool
}

// take returns a stream if there is one now, and errFull or errDeaf otherwise.
func (l *leave) take(patient bool) (*quic.SendStream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if patient && l.urgent > 0 {
		return nil, errFull
	}
	str, err := l.quic.OpenUniStream()
	_, full := errors.AsType[*quic.StreamLimitReachedError](err)
	l.full.Store(full)
	switch {
	case full && l.deaf:
		return nil, errDeaf
	case full:
		return nil, errFull
	case err == nil && l.deaf:
		str.CancelWrite(quic.StreamErrorCode(firstSessionCode))
		return nil, os.ErrDeadlineExceeded
	case err == nil:
		l.granted++
	}
	return str, err
}

// wait waits for a stream, at most for patience. One goroutine is patient at a time. It returns errDeaf
// if there was none.
func (l *leave) wait(patient bool, patience time.Duration) (*quic.SendStream, error) {
	ctx, cancel := context.WithTimeout(l.life, patience)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.granted
	var str *quic.SendStream
	var err error
	if patient {
		str, err = l.waitBehind(ctx)
	} else {
		str, err = l.waitFirst(ctx)
	}
	switch {
	case err == nil:
		l.granted++
	case errors.Is(err, context.DeadlineExceeded):
		l.deaf = l.deaf || l.granted == before // else others went first all the time
		err = errDeaf
	}
	return str, err
}

// waitFirst waits before all who are patient; l.mu is held, but not meanwhile.
func (l *leave) waitFirst(ctx context.Context) (*quic.SendStream, error) {
	if l.urgent++; l.urgent == 1 {
		l.pass = make(chan struct{})
	}
	if l.yield != nil {
		l.yield()
	}
	l.mu.Unlock()
	str, err := l.quic.OpenUniStreamSync(ctx)
	l.mu.Lock()
	if l.urgent--; l.urgent == 0 {
		close(l.pass)
		l.pass = nil
	}
	return str, err
}

// waitBehind waits behind all who are not patient; l.mu is held, but not meanwhile.
func (l *leave) waitBehind(ctx context.Context) (*quic.SendStream, error) {
	for ctx.Err() == nil {
		if pass := l.pass; pass != nil {
			l.mu.Unlock()
			select {
			case <-pass:
			case <-ctx.Done():
			}
			l.mu.Lock()
			continue
		}
		turn, yield := context.WithCancel(ctx)
		l.yield = yield
		l.mu.Unlock()
		str, err := l.quic.OpenUniStreamSync(turn)
		l.mu.Lock()
		l.yield = nil
		interrupted := turn.Err() != nil
		yield()
		if err == nil || !interrupted {
			return str, err
		}
	}
	return nil, ctx.Err()
}
