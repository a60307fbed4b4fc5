package mediatest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// Conn is the server's end of a pipe; Peer is the client's.
type Conn struct {
	in        chan media.Packet
	out       chan Received
	transport media.Transport

	closing   sync.Once
	closed    chan struct{}
	code      fault.Code
	hangup    sync.Once
	hungUp    chan struct{}
	hungUpErr error
}

var _ media.Conn = (*Conn)(nil)

// Received is one frame as the client sees it.
type Received struct {
	Wire     []byte
	Datagram bool
}

// Peer is the client's end of a pipe.
type Peer struct {
	t    testing.TB
	conn *Conn
}

// Pipe returns both ends of a connection that holds up to 1,024 frames for the client. All
// of it is channels, so a synctest bubble can settle.
func Pipe(t testing.TB, transport media.Transport) (*Conn, *Peer) {
	c := &Conn{
		in: make(chan media.Packet), out: make(chan Received, 1024), transport: transport,
		closed: make(chan struct{}), hungUp: make(chan struct{}),
	}
	return c, &Peer{t: t, conn: c}
}

// Read implements media.Conn.
func (c *Conn) Read(ctx context.Context) (media.Packet, error) {
	select {
	case p := <-c.in:
		return p, nil
	case <-c.hungUp:
		return media.Packet{}, c.hungUpErr
	case <-c.closed:
		return media.Packet{}, errors.New("closed by the server")
	case <-ctx.Done():
		return media.Packet{}, context.Cause(ctx)
	}
}

// Write implements media.Conn. It blocks while the client's 1,024 frames are not taken.
func (c *Conn) Write(ctx context.Context, frames []*media.Frame) error {
	for _, f := range frames {
		select {
		case c.out <- Received{f.Wire, f.Datagram}:
		case <-c.hungUp:
			return c.hungUpErr
		case <-c.closed:
			return errors.New("closed by the server")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Close implements media.Conn; the first code wins.
func (c *Conn) Close(code fault.Code) error {
	c.closing.Do(func() {
		c.code = code
		close(c.closed)
	})
	return nil
}

// Transport implements media.Conn.
func (c *Conn) Transport() media.Transport { return c.transport }

// Send hands a packet to the server and returns when its session took it.
func (p *Peer) Send(packet []byte) { p.send(media.Packet{Data: packet}) }

// SendOn is Send on a stream of its own.
func (p *Peer) SendOn(stream uint64, packet []byte) {
	p.send(media.Packet{Data: packet, Stream: stream})
}

// SendDatagram is Send by datagram.
func (p *Peer) SendDatagram(packet []byte) {
	p.send(media.Packet{Data: packet, Datagram: true})
}

func (p *Peer) send(packet media.Packet) {
	p.t.Helper()
	packet.Data = append(make([]byte, 0, len(packet.Data)+wire.StampRoom), packet.Data...)
	select {
	case p.conn.in <- packet:
	case <-p.conn.closed:
		p.t.Errorf("send: the server closed the connection: %s", p.conn.code)
	case <-p.t.Context().Done():
		p.t.Error("send: the server does not read")
	}
}

// Receive returns the next frame the server sent.
func (p *Peer) Receive() Received {
	p.t.Helper()
	select {
	case r := <-p.conn.out:
		return r
	case <-p.t.Context().Done():
		p.t.Fatal("receive: nothing came")
		return Received{}
	}
}

// Arrived returns the frames that are here already. Unlike Sync it sends nothing.
func (p *Peer) Arrived() []Received {
	var got []Received
	for {
		select {
		case r := <-p.conn.out:
			got = append(got, r)
		default:
			return got
		}
	}
}

// Until returns the frames up to the first that equals marker, without it.
func (p *Peer) Until(marker []byte) []Received {
	p.t.Helper()
	var got []Received
	for {
		r := p.Receive()
		if bytes.Equal(r.Wire, marker) {
			return got
		}
		got = append(got, r)
	}
}

// Sync proves that everything the server had for this client before the call has arrived: it
// sends an RTT probe and returns what came before its echo.
func (p *Peer) Sync() []Received {
	p.t.Helper()
	probe := Probe()
	p.Send(probe)
	return p.Until(probe)
}

// Leave ends the connection politely.
func (p *Peer) Leave() { p.end(io.EOF) }

// Vanish ends the connection as a dead path does.
func (p *Peer) Vanish() { p.end(fault.New(fault.Idle, "nothing heard")) }

func (p *Peer) end(err error) {
	p.conn.hangup.Do(func() {
		p.conn.hungUpErr = err
		close(p.conn.hungUp)
	})
}

// ClosedWith waits until the server closed the connection and returns the code.
func (p *Peer) ClosedWith() fault.Code {
	p.t.Helper()
	select {
	case <-p.conn.closed:
		return p.conn.code
	case <-p.t.Context().Done():
		p.t.Fatal("the server did not close the connection")
		return ""
	}
}
