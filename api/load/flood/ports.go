package flood

import (
	"context"
	"net"
	"sync"

	"github.com/quic-go/quic-go"
)

// over returns the socket of a flood, which may do something else with it than read and write.
type over func(socket net.PacketConn, ended <-chan struct{}) net.PacketConn

// ports opens the sockets of a flood over QUIC, which are there until ctx ends, and returns how to get that of
// attempt i, and where they lead to.
func (r *run) ports(
	ctx context.Context, all *sync.WaitGroup, base string, how over,
) (to *net.UDPAddr, from func(i int) *quic.Transport, err error) {
	to, err = net.ResolveUDPAddr("udp", host(base))
	if err != nil {
		return nil, nil, err
	}
	var sockets []net.PacketConn
	for range r.Ports {
		socket, err := net.ListenPacket("udp", net.JoinHostPort(r.From, "0"))
		if err != nil {
			for _, s := range sockets {
				_ = s.Close()
			}
			return nil, nil, err
		}
		sockets = append(sockets, socket)
	}
	transports := make([]*quic.Transport, r.Ports)
	for i, s := range sockets {
		transports[i] = &quic.Transport{Conn: how(s, ctx.Done())}
	}
	all.Go(func() {
		<-ctx.Done()
		for i, t := range transports {
			_ = t.Close() // which ends those that go on
			_ = sockets[i].Close()
		}
	})
	return to, func(i int) *quic.Transport { return transports[i%len(transports)] }, nil
}

// hearing is a socket as it is.
func hearing(socket net.PacketConn, _ <-chan struct{}) net.PacketConn { return socket }

// deaf is a socket that hears nothing.
type deaf struct {
	net.PacketConn
	ended <-chan struct{}
}

func deafened(socket net.PacketConn, ended <-chan struct{}) net.PacketConn {
	return deaf{socket, ended}
}

// ReadFrom waits until all is over.
func (d deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.ended
	return 0, nil, net.ErrClosed
}
