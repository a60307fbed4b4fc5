// Package client is a Parley client without a camera: it opens a session over WebSocket or
// WebTransport, sends packets and receives them. Tests and the load generator use it; it
// knows no more of the server than the wire contract.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/quic-go/quic-go"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

const (
	// DefaultInbox is how many received packets wait for [Client.Receive].
	DefaultInbox = 256

	// DefaultAtOnce is how many streams of one packet are read at once.
	DefaultAtOnce = 64
)

// Options of [Dial]. The zero value is usable.
type Options struct {
	TLS    *tls.Config // nil: the system's roots
	Header http.Header // sent with the request

	// Inbox bounds the packets that wait for Receive; a full inbox stops reading, so that
	// the server feels it. Zero means DefaultInbox.
	Inbox int

	// On, when set, gets every packet in place of Receive, as it arrives: reading stops until
	// it returns, so that the server feels it, and over WebTransport several calls run at
	// once. The data of the packet is the receiver's only until then.
	On func(Packet)

	// DialTCP opens the connection beneath a WebSocket; nil means the network.
	DialTCP func(ctx context.Context, network, addr string) (net.Conn, error)

	// DialQUIC opens the connection beneath WebTransport; nil means a UDP socket of its own.
	DialQUIC func(ctx context.Context, addr string, tls *tls.Config, conf *quic.Config) (*quic.Conn, error)

	// Framing is how packets travel over WebTransport.
	Framing Framing

	// AtOnce is how many packets with a stream of their own are being read at once over WebTransport, or
	// wait for the inbox or On. Zero means DefaultAtOnce.
	AtOnce int

	// QUIC overrides the transport parameters of WebTransport; nil means bounded defaults.
	QUIC *quic.Config
}

// Framing is how packets travel over WebTransport.
type Framing string

// The framings. What arrives is understood in both.
const (
	FramingPacket Framing = ""       // one stream, or one datagram, is one packet
	FramingStream Framing = "stream" // long-lived streams of packets with their lengths
	FramingAuto   Framing = "auto"   // FramingPacket, until the server sends such a long-lived stream unasked
)

// Packet is what arrived.
type Packet struct {
	Data     []byte // belongs to the receiver
	Datagram bool
}

// RefusedError says that the server answered and did not let the client in.
type RefusedError struct {
	Status int    // of HTTP
	Body   string // what the server said, at most 1 KiB of it
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused with status %d: %s", e.Status, e.Body)
}

// ClosedError says that the session was closed with a code.
type ClosedError struct {
	Code   int // WebSocket close code, or session error code of WebTransport
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("closed with code %d: %s", e.Code, e.Reason)
}

// link is one connection. read blocks, delivers every packet it gets until the connection
// ends, returns why, and leaves no goroutine behind.
type link interface {
	send(ctx context.Context, packet []byte) error
	sendDatagram(packet []byte) error
	read(ctx context.Context, deliver func(Packet) error) error
	close() error
	cut() // as the network would: no goodbye
}

// Client is one session. Its methods may be called by any goroutine.
type Client struct {
	link  link
	on    func(Packet) // nil: the inbox
	inbox chan Packet

	stop context.CancelFunc // ends the reader
	done chan struct{}      // closed when the reader ended
	end  error              // why; set before done is closed

	once     sync.Once
	assigned chan struct{} // closed when session is set
	session  uint64
}

// Dial opens a session at rawURL: ws and wss mean WebSocket, https means WebTransport. A
// server that answers with a refusal makes it fail with a [*RefusedError]. ctx bounds the
// dialing alone; the session lives until Close.
func Dial(ctx context.Context, rawURL string, opt Options) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", withoutURL(err))
	}
	if opt.Inbox <= 0 {
		opt.Inbox = DefaultInbox
	}
	var l link
	switch u.Scheme {
	case "ws", "wss":
		if opt.On != nil {
			l, err = dialLean(ctx, u, opt)
		} else {
			l, err = dialWebSocket(ctx, u, opt)
		}
	case "https":
		if opt.Framing == FramingStream {
			query := u.Query()
			query.Set("framing", string(opt.Framing))
			u.RawQuery = query.Encode()
		}
		l, err = dialWebTransport(ctx, u, opt)
	default:
		err = fmt.Errorf("no transport for scheme %q", u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s://%s%s: %w", u.Scheme, u.Host, u.Path, withoutURL(err))
	}
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &Client{
		link:     l,
		on:       opt.On,
		inbox:    make(chan Packet, opt.Inbox),
		stop:     stop,
		done:     make(chan struct{}),
		assigned: make(chan struct{}),
	}
	go func() { // Close waits for it
		defer close(c.done)
		c.end = l.read(reading, func(p Packet) error { return c.deliver(reading, p) })
		if c.end == nil {
			c.end = io.EOF
		}
	}()
	return c, nil
}

// withoutURL returns the cause of an error that names a URL. The query of ours holds a
// token, which must not end up in a log.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func (c *Client) deliver(ctx context.Context, p Packet) error {
	select {
	case <-c.assigned:
	default:
		if w, err := wire.Scan(p.Data); err == nil && w.Type == callv1.PacketWrapper_SESSION_ASSIGNED {
			c.once.Do(func() {
				c.session = w.SessionID
				close(c.assigned)
			})
		}
	}
	if c.on != nil {
		c.on(p)
		return ctx.Err()
	}
	select {
	case c.inbox <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send sends packet reliably: as one WebSocket message, on a stream of its own, or after the
// others of its kind on a long-lived one. It blocks while the server does not take it, until ctx ends.
func (c *Client) Send(ctx context.Context, packet []byte) error {
	return c.link.send(ctx, packet)
}

// SendDatagram sends packet as a datagram, which may get lost. Over WebSocket it is a
// message like any other.
func (c *Client) SendDatagram(packet []byte) error { return c.link.sendDatagram(packet) }

// Receive returns the next packet in the order of arrival. After the last packet it returns
// why the session ended: a [*ClosedError] when the server closed it with a code.
func (c *Client) Receive(ctx context.Context) (Packet, error) {
	select {
	case p := <-c.inbox:
		return p, nil
	default:
	}
	select {
	case p := <-c.inbox:
		return p, nil
	case <-ctx.Done():
		return Packet{}, ctx.Err()
	case <-c.done:
	}
	select {
	case p := <-c.inbox: // delivered before the end
		return p, nil
	default:
		return Packet{}, c.end
	}
}

// Session returns the number the server gave this session, once it is known.
func (c *Client) Session(ctx context.Context) (uint64, error) {
	select {
	case <-c.assigned:
		return c.session, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-c.done:
	}
	select {
	case <-c.assigned:
		return c.session, nil
	default:
		return 0, c.end
	}
}

// Framing returns how packets are sent over WebTransport now: with [FramingAuto] it is that of the
// server, once it has sent something. Over WebSocket it is [FramingPacket].
func (c *Client) Framing() Framing {
	if w, ok := c.link.(*webTransport); ok && w.lines.Load() != nil {
		return FramingStream
	}
	return FramingPacket
}

// Done is closed when the session ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// CloseCode returns the code the server closed the session with, or 0 while it is open and
// when it ended without a code.
func (c *Client) CloseCode() int {
	select {
	case <-c.done:
		if e, ok := errors.AsType[*ClosedError](c.end); ok {
			return e.Code
		}
	default:
	}
	return 0
}

// Close leaves politely and waits until nothing of the session is left. Packets that were
// received before can still be read.
func (c *Client) Close() error {
	c.stop()
	err := c.link.close()
	<-c.done
	return err
}

// Cut ends the session without a goodbye, as a network that goes away does, and waits until
// nothing of it is left. Packets that were received before can still be read.
func (c *Client) Cut() {
	c.stop()
	c.link.cut()
	<-c.done
}
