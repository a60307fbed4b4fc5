package flood

import (
	"context"
	"errors"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// halfHello is the beginning of a TLS record with a ClientHello of 512 bytes.
const halfHello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

// handshakes begins the flood of connections that never get anywhere. All that the URLs allow have
// an equal part of them.
func (r *run) handshakes(ctx context.Context, all *sync.WaitGroup) error {
	type way struct {
		how string
		do  func(ctx context.Context, c *counter, i int)
	}
	var ways []way
	if r.base(0, "ws") != "" {
		ways = append(ways,
			way{"silent TCP", func(ctx context.Context, c *counter, i int) { r.plain(ctx, c, r.base(i, "ws"), "", "") }},
			way{"endless headers", func(ctx context.Context, c *counter, i int) {
				base := r.base(i, "ws")
				r.plain(ctx, c, base, "GET /lobby/flood/"+r.Room+" HTTP/1.1\r\n"+upgradeHeaders(base), "X-A: b\r\n")
			}})
	}
	if r.base(0, "wss") != "" {
		ways = append(ways,
			way{"silent TLS", func(ctx context.Context, c *counter, i int) { r.plain(ctx, c, r.base(i, "wss"), "", "") }},
			way{"half a TLS hello", func(ctx context.Context, c *counter, i int) { r.plain(ctx, c, r.base(i, "wss"), halfHello, "") }})
	}
	if base := r.base(0, "https"); base != "" {
		do, err := r.initials(ctx, all, base)
		if err != nil {
			return err
		}
		ways = append(ways, way{"QUIC Initials", do})
	}
	for i, w := range ways {
		n := (r.Handshakes + i) / len(ways)
		c := r.counter(Handshakes, w.how, n)
		r.crowd(ctx, all, n, func(ctx context.Context, i int) { w.do(ctx, c, i) })
	}
	return nil
}

// plain is drip without TLS, whatever the URL says.
func (r *run) plain(ctx context.Context, c *counter, base, begin, rest string) {
	r.drip(ctx, c, "ws://"+host(base), begin, rest)
}

// initials returns how to begin handshakes of QUIC that hear no answer.
func (r *run) initials(ctx context.Context, all *sync.WaitGroup, base string) (func(context.Context, *counter, int), error) {
	to, from, err := r.ports(ctx, all, base, deafened)
	if err != nil {
		return nil, err
	}
	conf := r.options(base).TLS
	conf.ServerName = "flood.invalid"
	conf.NextProtos = []string{http3.NextProtoH3}
	return func(ctx context.Context, c *counter, i int) {
		c.begin()
		end := c.open()
		_, err := from(i).Dial(ctx, to, conf, nil)
		if ctx.Err() != nil || err == nil {
			end(nil)
			return
		}
		if _, ok := errors.AsType[*quic.HandshakeTimeoutError](err); ok {
			err = errGaveUp
		}
		end(err)
	}, nil
}

// errGaveUp ends a handshake without an answer: how the server took it, its metrics say.
var errGaveUp = errors.New("given up without an answer")
