//go:build !linux

package ws

import "net"

// limitUnsent does nothing: only Linux bounds what is unsent and nothing else.
func limitUnsent(net.Conn) {}

// unacked returns 0: the kernel does not say.
func unacked(uintptr) int { return 0 }
