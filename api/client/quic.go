package client

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/quic-go/quic-go"

	"parley/api/nowait"
)

// DialQUIC opens a connection over a socket, which ends with it, or now when there is an error. It blocks
// until the handshake is over or ctx ends.
func DialQUIC(
	ctx context.Context, socket *net.UDPConn, addr string, secure *tls.Config, conf *quic.Config,
) (*quic.Conn, error) {
	transport := &quic.Transport{Conn: nowait.Packets(socket)}
	end := func() {
		_ = transport.Close()
		_ = socket.Close()
	}
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		end()
		return nil, err
	}
	conn, err := transport.Dial(ctx, to, secure, conf)
	if err != nil {
		end()
		return nil, err
	}
	context.AfterFunc(conn.Context(), end)
	return conn, nil
}

// dialQUIC is [DialQUIC] over a new socket.
func dialQUIC(ctx context.Context, addr string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	return DialQUIC(ctx, socket, addr, secure, conf)
}
