package client

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/quic-go/quic-go"

	"parley/api/nowait"
)

// DialQUIC opens a connection over a socket, which ends with it, or now when there is an error. It blocks
// until the handshake is over or ctx ends. The name that the certificate has to have is that in addr, unless
// secure says another.
func DialQUIC(
	ctx context.Context, socket *net.UDPConn, addr string, secure *tls.Config, conf *quic.Config,
) (*quic.Conn, error) {
	packets, _ := nowait.Packets(socket, nowait.Watch{})
	transport := &quic.Transport{Conn: packets, ConnectionIDGenerator: nameless{}}
	end := func() {
		_ = transport.Close()
		_ = socket.Close()
	}
	conn, err := dialOver(ctx, transport, addr, secure, conf)
	if err != nil {
		end()
		return nil, err
	}
	context.AfterFunc(conn.Context(), end)
	return conn, nil
}

func dialOver(
	ctx context.Context, transport *quic.Transport, addr string, secure *tls.Config, conf *quic.Config,
) (*quic.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	if secure == nil {
		secure = new(tls.Config)
	}
	if secure.ServerName == "" {
		secure = secure.Clone()
		secure.ServerName = host
	}
	return transport.Dial(ctx, to, secure, conf)
}

// nameless gives connections no ID of their own: their socket has no other.
type nameless struct{}

func (nameless) ConnectionIDLen() int { return 0 }

func (nameless) GenerateConnectionID() (quic.ConnectionID, error) { return quic.ConnectionID{}, nil }

// dialQUIC is [DialQUIC] over a new socket.
func dialQUIC(ctx context.Context, addr string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	return DialQUIC(ctx, socket, addr, secure, conf)
}
