package ws

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const canWriteNow = true

// writeApart is writeNow of a part that stays one of its own in the kernel. That goes on to fill a part that
// is not sent yet, up to 64 KiB, whatever it may hold unsent; but not one that was written apart.
func writeApart(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_EOR|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}

// writeNow writes to a socket that does not block, and returns how much it took. It does not tell
// the scheduler: that costs more than what it could do during the call, for many calls in a row.
func writeNow(fd uintptr, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}
