// Package lossy is a bad network for tests and measurements: sockets that lose some of what
// arrives at them. The kernel does it, so that all that is above has to cope as it would with a
// network that does. It takes no rights.
package lossy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"github.com/quic-go/quic-go"

	"parley/api/client"
)

// Drop makes conn lose a share of what arrives from now on: of its datagrams, or of its
// segments, which over the loopback interface are larger than those of a network. A share of 0
// ends it. It fails where the kernel is not that of Linux.
func Drop(conn syscall.Conn, share float64) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var dropping error
	err = raw.Control(func(fd uintptr) { dropping = drop(int(fd), share) })
	return errors.Join(err, dropping)
}

// Path leads to servers and loses packets that come from them. Its methods are those that
// client.Options wants.
type Path struct {
	Loss float64 // share of what arrives that is lost, 0 to 1
}

// DialTCP opens a connection. Its handshake loses nothing.
func (p Path) DialTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := p.drop(conn.(*net.TCPConn)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// DialQUIC opens a connection over a socket of its own, which ends with it.
func (p Path) DialQUIC(ctx context.Context, addr string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	if err := p.drop(socket); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return client.DialQUIC(ctx, socket, addr, secure, conf)
}

func (p Path) drop(conn syscall.Conn) error {
	if p.Loss <= 0 {
		return nil
	}
	return Drop(conn, p.Loss)
}
