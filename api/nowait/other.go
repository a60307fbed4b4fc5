//go:build !linux

package nowait

import "net"

// Packets returns conn.
func Packets(conn net.PacketConn, _ Watch) (_ net.PacketConn, watched bool) { return conn, false }

// Conn returns conn.
func Conn(conn net.Conn) net.Conn { return conn }
