package ws

import (
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the kernel holds for a receiver beyond what is on its way to it, in bytes.
// Without that it takes megabytes, which a slow receiver gets to see many seconds late: the
// queue that drops what is stale would never see a backlog. Where it cannot be set the kernel
// goes on as before.
func limitUnsent(fd uintptr, most int) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, most)
}

var tcpInfos = sync.Pool{New: func() any { return new(unix.TCPInfo) }}

// sight returns what the kernel knows of a connection.
func sight(fd uintptr) (v view, ok bool) {
	info := tcpInfos.Get().(*unix.TCPInfo)
	defer tcpInfos.Put(info)
	*info = unix.TCPInfo{} // older kernels know less
	size := uint32(unix.SizeofTCPInfo)
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	return view{
		taken: int64(info.Bytes_acked), unsent: int(info.Notsent_bytes),
		shut:   time.Duration(info.Rwnd_limited) * time.Microsecond,
		queued: time.Duration(max(int64(info.Rtt)-int64(info.Min_rtt), 0)) * time.Microsecond,
	}, errno == 0
}
