package flood

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// dripEvery is the time between two bytes of what comes slowly.
const dripEvery = time.Second

// errClosed is what a server does with a connection that has had its time.
var errClosed = errors.New("closed by the server")

// drip opens a connection to the server at base, writes begin, and then a byte of rest now and
// then, until the server has had enough or ctx ends. Rest is repeated; without one nothing more
// is written. An answer of the server is an end as well.
func (r *run) drip(ctx context.Context, c *counter, base string, begin, rest string) {
	c.begin()
	conn, err := r.dial(ctx, base)
	if err == nil {
		_, err = io.WriteString(conn, begin)
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		if ctx.Err() == nil {
			c.refused(err)
		}
		return
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	end := c.open()
	err = dripOn(conn, rest, c)
	if ctx.Err() != nil {
		err = nil
	}
	end(err)
}

// dripOn writes a byte now and then until the server ends it, and returns how.
func dripOn(conn net.Conn, rest string, c *counter) error {
	answer := make([]byte, 4<<10)
	next := time.Now().Add(dripEvery)
	for at := 0; ; {
		if rest != "" {
			_ = conn.SetReadDeadline(next) // a read says what is wrong
		}
		n, err := conn.Read(answer)
		switch {
		case n > 0:
			line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
			if strings.HasPrefix(line, "HTTP/") {
				return errors.New("answered " + line)
			}
		case errors.Is(err, io.EOF):
			return errClosed
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		if rest == "" || time.Now().Before(next) { // what comes over a WebSocket
			continue
		}
		if _, err := conn.Write([]byte{rest[at%len(rest)]}); err != nil {
			return err
		}
		c.sent(0, 1)
		at, next = at+1, next.Add(dripEvery)
	}
}

// dial connects to a server, with TLS where its URL says so.
func (r *run) dial(ctx context.Context, base string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host(base))
	if err != nil || !strings.HasPrefix(base, "wss:") {
		return conn, err
	}
	conf := r.options(base).TLS
	conf.ServerName = strings.Split(host(base), ":")[0]
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// uploads begins the flood of what comes byte by byte: bodies of requests, messages of
// WebSockets, streams of WebTransport.
func (r *run) uploads(ctx context.Context, all *sync.WaitGroup) error {
	if r.base(0, "ws", "wss") != "" {
		n := (r.Uploads + 1) / 2
		bodies, messages := r.counter(Uploads, "bodies of requests", n), r.counter(Uploads, "WebSocket messages", n)
		r.crowd(ctx, all, n, func(ctx context.Context, i int) {
			base := r.base(i, "ws", "wss")
			r.drip(ctx, bodies, base, "POST /session HTTP/1.1\r\nHost: "+host(base)+
				"\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{", " ")
		})
		r.crowd(ctx, all, n, func(ctx context.Context, i int) { r.dripMessage(ctx, messages, i) })
	}
	if r.base(0, "https") != "" {
		sessions := (r.Uploads + streamsEach - 1) / streamsEach
		streams := r.counter(Uploads, "WebTransport sessions with dripping streams", sessions)
		r.crowd(ctx, all, sessions, func(ctx context.Context, i int) { r.dripInSession(ctx, streams, i) })
	}
	return nil
}

// slowMessage is the head of a masked WebSocket message of 4 MB (RFC 6455, 5.2), with zeros for
// its mask.
const slowMessage = "\x82\xff\x00\x00\x00\x00\x00\x3d\x09\x00\x00\x00\x00\x00"

// dripMessage opens a session over WebSocket and sends a message that does not end.
func (r *run) dripMessage(ctx context.Context, c *counter, i int) {
	c.begin()
	conn, err := r.upgrade(ctx, i)
	if err != nil {
		if ctx.Err() == nil {
			c.refused(err)
		}
		return
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	end := c.open()
	if _, err = io.WriteString(conn, slowMessage); err == nil {
		err = dripOn(conn, "\x00", c)
	}
	if ctx.Err() != nil {
		err = nil
	}
	end(err)
}

// upgrade opens a WebSocket without a library: what is sent over it is no WebSocket for long.
func (r *run) upgrade(ctx context.Context, i int) (net.Conn, error) {
	pass, err := r.Door.Open(ctx, r.Room, "flood-slow", i == 0)
	if err != nil {
		return nil, err
	}
	base := r.base(i, "ws", "wss")
	conn, err := r.dial(ctx, base)
	if err != nil {
		return nil, err
	}
	giveUp := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = handshake(conn, base, pass.Path)
	giveUp()
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func handshake(conn net.Conn, base, path string) error {
	if err := conn.SetDeadline(time.Now().Add(joinPatience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\n"+upgradeHeaders(base)+"\r\n"); err != nil {
		return err
	}
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), &http.Request{Method: http.MethodGet, URL: u})
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return errors.New("refused with status " + answer.Status[:3])
	}
	return conn.SetDeadline(time.Time{})
}

// upgradeHeaders are those of a WebSocket handshake (RFC 6455, 1.3).
func upgradeHeaders(base string) string {
	return "Host: " + host(base) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
}
