package ws

import (
	"errors"
	"os"
	"sync"
	"time"

	"parley/api/fault"
)

// busyFor is how much too late a ping is when the node has more to do than it can: it has not heard
// others then because it did not listen, and gives them until the next ping.
const busyFor = 250 * time.Millisecond

// pinger sends a ping every so often and fails the connection when nothing was heard for idle.
// Between pings it is a timer and no goroutine.
type pinger struct {
	c           *conn
	every, idle time.Duration

	due time.Time // of the next ping; one goroutine at a time uses it

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	running sync.WaitGroup
}

func newPinger(c *conn, every, idle time.Duration) *pinger {
	p := &pinger{c: c, every: every, idle: idle, due: time.Now().Add(every)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(every, p.ping)
	return p
}

// stop ends the pings and waits for one that is under way, which ends with the connection.
func (p *pinger) stop() {
	p.mu.Lock()
	p.stopped = true
	p.timer.Stop()
	p.mu.Unlock()
	p.running.Wait()
}

func (p *pinger) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.running.Add(1)
	}
	return !p.stopped
}

func (p *pinger) ping() {
	if !p.begin() {
		return
	}
	defer p.running.Done()
	next, ok := p.once()
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.due = time.Now().Add(next)
		p.timer.Reset(next)
	}
}

// once pings and reports when to do so again; false when there is nobody to be pinged.
func (p *pinger) once() (next time.Duration, ok bool) {
	silence, late := p.c.link.silence(), time.Since(p.due)
	switch {
	case silence < p.idle:
	case late >= busyFor && silence < 2*p.idle:
		silence = p.idle - p.every // there may be something that nobody got to
	default:
		p.c.fail(fault.New(fault.Idle, "nothing heard for %v", p.idle))
		return 0, false
	}
	// Whether the pong or something else is heard does not matter, so nobody waits for it.
	err := p.c.link.ping()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.c.fail(fault.Wrap(err, fault.Slow, "the client does not take its packets"))
	}
	return min(p.every, p.idle-silence), err == nil
}
