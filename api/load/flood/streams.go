package flood

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/client"
)

// streamsEach is how many streams of one session come byte by byte.
const streamsEach = 200

// streamStart begins a stream of a WebTransport session: its type, and the stream of the request
// that opened the session, which is the first.
const streamStart = "\x40\x54\x00"

// dripStreams opens a session over WebTransport, and streams in it that do not end.
func (r *run) dripStreams(ctx context.Context, c *counter, i int) {
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
	end(r.keepDripping(ctx, c, s, under))
}

// keepDripping returns what ended the session, nil when ctx did. Streams that the server has
// refused are opened anew.
func (r *run) keepDripping(ctx context.Context, c *counter, s *client.Client, conn *quic.Conn) error {
	streams := make([]*quic.SendStream, streamsEach)
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for {
		for i, str := range streams {
			if str == nil {
				str, err := conn.OpenUniStream()
				if err != nil {
					break // the server allows no more, or it is over
				}
				streams[i] = str
				_, _ = str.Write([]byte(streamStart + "\x0a")) // the packet of a stream that stays
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
		case <-ctx.Done():
			return nil
		case <-s.Done():
			_, err := s.Receive(ctx)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
