//go:build !unix

package ws

import (
	"net"
	"syscall"
)

// rawConn returns nil: here nobody can wait without memory.
func rawConn(net.Conn) syscall.RawConn { return nil }
