//go:build !linux

package nowait

import "net"

// Packets returns conn.
func Packets(conn net.PacketConn) net.PacketConn { return conn }

// Conn returns conn.
func Conn(conn net.Conn) net.Conn { return conn }
