package flood

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"parley/api/client"
	"parley/api/load"
)

// joinPatience bounds how long a session may take to come about.
const joinPatience = 20 * time.Second

// session opens a session, and lets send use it until that fails, or ctx ends.
func (r *run) session(ctx context.Context, c *counter, i int, send func(ctx context.Context, s *session) error) {
	c.begin()
	s, err := r.join(ctx, c.is.Kind, i)
	if err != nil {
		if ctx.Err() == nil {
			c.refused(err)
		}
		return
	}
	end := c.open()
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	watching.Go(func() { // a send that blocks ends with the connection
		select {
		case <-s.client.Done():
			stop()
		case <-sending.Done():
		}
	})
	err = send(sending, s)
	stop()
	watching.Wait()
	select {
	case <-s.client.Done(): // it says more than a send that failed
		_, err = s.client.Receive(ctx)
	default:
	}
	s.client.Cut()
	if ctx.Err() != nil {
		err = nil
	}
	end(err)
}

// session is one that floods.
type session struct {
	client *client.Client
	pass   load.Pass
	cork   *cork // nil over WebTransport
}

func (r *run) join(ctx context.Context, kind Kind, i int) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	name := fmt.Sprintf("flood-%s-%d", kind, i+1)
	pass, err := r.Door.Open(ctx, r.Room, name, i == 0)
	if err != nil {
		return nil, err
	}
	s := &session{pass: pass}
	base := r.base(i, "ws", "wss", "https")
	opt := r.options(base)
	opt.DialTCP = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		s.cork = &cork{Conn: conn}
		return s.cork, nil
	}
	if s.client, err = client.Dial(ctx, base+pass.Path, opt); err != nil {
		return nil, err
	}
	if err := s.client.Send(ctx, client.Connection(pass.User, r.Room)); err != nil {
		s.client.Cut()
		return nil, err
	}
	return s, nil
}

// cork collects what is written while it is in, so that a flood of tiny packets costs those who
// send it less than those who get it.
type cork struct {
	net.Conn

	mu   sync.Mutex
	in   bool
	held []byte
}

// Write implements net.Conn.
func (c *cork) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// hold keeps what is written from now on.
func (c *cork) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = true
}

// release writes what was held. When ctx ends meanwhile nothing can be written any more: a server that
// takes nothing from who floods it would hold up the end of the flood.
func (c *cork) release(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })()
	c.in = false
	_, err := c.Conn.Write(c.held)
	c.held = c.held[:0]
	return err
}

// frames begins the flood of large packets.
func (r *run) frames(ctx context.Context, all *sync.WaitGroup) error {
	c := r.counter(Frames, "sessions", r.Sessions)
	r.crowd(ctx, all, r.Sessions, func(ctx context.Context, i int) {
		r.session(ctx, c, i, func(ctx context.Context, s *session) error {
			packet := client.Video(s.pass.User, 1, 0, true, make([]byte, r.FrameBytes-leastFrame))
			for ctx.Err() == nil {
				if err := s.client.Send(ctx, packet); err != nil {
					return err
				}
				c.sent(1, len(packet))
			}
			return io.EOF
		})
	})
	return nil
}

// packetsEvery is how often a session sends what is due: often enough to be a stream, and seldom
// enough to cost little.
const packetsEvery = 2 * time.Millisecond

// packets begins the flood of tiny packets.
func (r *run) packets(ctx context.Context, all *sync.WaitGroup) error {
	c := r.counter(Packets, "sessions", r.Sessions)
	each := float64(r.Rate) / float64(r.Sessions)
	r.crowd(ctx, all, r.Sessions, func(ctx context.Context, i int) {
		r.session(ctx, c, i, func(ctx context.Context, s *session) error { return sendTiny(ctx, c, s, each) })
	})
	return nil
}

// sendTiny sends so many packets a second. What it cannot send in time it does not send later.
func sendTiny(ctx context.Context, c *counter, s *session, rate float64) error {
	packet := client.Audio(s.pass.User, 1, []byte{0xf8, 0xff, 0xfe}) // Opus, 20 ms of silence
	tick := time.NewTicker(packetsEvery)
	defer tick.Stop()
	last, due := time.Now(), 0.0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return io.EOF
		}
		now := time.Now()
		due = min(due+now.Sub(last).Seconds()*rate, rate/10)
		last = now
		n := int(due)
		due -= float64(n)
		if err := s.send(ctx, packet, n); err != nil {
			return err
		}
		c.sent(n, n*len(packet))
	}
}

// send sends a packet n times: over WebSocket in one write, over WebTransport as datagrams.
func (s *session) send(ctx context.Context, packet []byte, n int) error {
	if s.cork == nil {
		for range n {
			if err := s.client.SendDatagram(packet); err != nil {
				return err
			}
		}
		return nil
	}
	s.cork.hold()
	for range n {
		if err := s.client.Send(ctx, packet); err != nil {
			return err
		}
	}
	return s.cork.release(ctx)
}
