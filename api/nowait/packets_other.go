//go:build !linux

package nowait

import "net"

// Packets returns conn.
func Packets(conn net.PacketConn) net.PacketConn { return conn }
