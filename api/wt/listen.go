package wt

import "net"

// Listen opens the UDP socket of a server. An address without a host, like ":4433", takes
// packets over IPv4 and IPv6 alike, which browsers need for a name like localhost: they
// try one family only.
func Listen(addr string) (net.PacketConn, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp", udp)
}
