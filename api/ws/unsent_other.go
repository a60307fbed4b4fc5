//go:build !linux

package ws

import "net"

// limitUnsent does nothing: only Linux bounds what is unsent and nothing else.
func limitUnsent(net.Conn) {}
