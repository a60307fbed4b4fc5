package ws

import (
	"net"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the kernel holds for a receiver beyond what is on its way to it.
// Without that it takes megabytes, which a slow receiver gets to see many seconds late: the
// queue that drops what is stale would never see a backlog. Where it cannot be set the kernel
// goes on as before.
func limitUnsent(conn net.Conn) {
	if raw := rawConn(conn); raw != nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost)
		})
	}
}

// unacked returns how many bytes were handed to the kernel that the peer has not confirmed.
func unacked(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}
