package ws

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"parley/api/fault"
)

// pinger sends a ping every so often and fails the connection when nothing was heard for idle.
// Between pings it is a timer and no goroutine.
type pinger struct {
	c           *conn
	every, idle time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	running sync.WaitGroup
}

func newPinger(c *conn, every, idle time.Duration) *pinger {
	p := &pinger{c: c, every: every, idle: idle}
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
	if !p.once() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.timer.Reset(p.every)
	}
}

// once pings and reports whether the connection goes on.
func (p *pinger) once() bool {
	// The pong is awaited until the path would count as dead. Whether the pong or something
	// else is heard meanwhile does not matter.
	ctx, cancel := context.WithTimeout(context.Background(), p.idle-p.c.link.silence())
	defer cancel()
	err := p.c.sock.Ping(ctx)
	switch {
	case p.c.link.silence() >= p.idle:
		p.c.fail(fault.New(fault.Idle, "nothing heard for %v", p.idle))
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.c.fail(fault.Wrap(err, fault.Slow, "the client does not take its packets"))
	case errors.Is(err, net.ErrClosed):
	default:
		return true
	}
	return false
}
