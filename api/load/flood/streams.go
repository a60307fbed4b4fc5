package flood

import (
	"context"
	"crypto/tls"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/client"
)

// streamsEach is how many streams of one session come byte by byte.
const streamsEach = 200

// streamStart begins a stream of a WebTransport session: its type, and the stream of the request
// that opened the session, which is the first.
const streamStart = "\x40\x54\x00"

// dripInSession opens a session over WebTransport, and streams in it that do not end.
func (r *run) dripInSession(ctx context.Context, c *counter, i int) {
	c.begin()
	base := r.base(i, "https")
	opt := r.options(base)
	var under *quic.Conn
	opt.DialQUIC = func(ctx context.Context, addr string, conf *tls.Config, q *quic.Config) (conn *quic.Conn, err error) {
		under, err = quic.DialAddr(ctx, addr, conf, q)
		return under, err
	}
	pass, err := r.Door.Open(ctx, r.Room, "flood-streams", i == 0)
	var s *client.Client
	if err == nil {
		dialing, cancel := context.WithTimeout(ctx, joinPatience)
		defer cancel()
		s, err = client.Dial(dialing, base+pass.Path, opt)
	}
	if err != nil {
		if ctx.Err() == nil {
			c.refused(err)
		}
		return
	}
	defer s.Cut()
	end := c.open()
	dripStreams(ctx, c, streamsEach, s.Done(), func() (io.Writer, error) {
		str, err := under.OpenUniStream()
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(str, streamStart+"\x0a") // the packet of a stream that stays
		return str, err
	})
	if ctx.Err() == nil {
		_, err = s.Receive(ctx)
	}
	if ctx.Err() != nil {
		err = nil
	}
	end(err)
}

// dripStreams writes a byte now and then to each of n streams, until over is closed or ctx ends.
// Streams that the server has refused are opened anew.
func dripStreams(ctx context.Context, c *counter, n int, over <-chan struct{}, open func() (io.Writer, error)) {
	streams := make([]io.Writer, n)
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for {
		for i, str := range streams {
			if str == nil {
				str, err := open()
				if err != nil {
					break // the server allows no more, or it is over
				}
				streams[i] = str
				continue
			}
			if _, err := str.Write([]byte{0}); err != nil {
				streams[i] = nil
				continue
			}
			c.sent(0, 1)
		}
		select {
		case <-tick.C:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}
