package nowait

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Possible says whether [Read] and [Write] can be used.
const Possible = true

// Read reads what is there from a TCP socket; again says that there is nothing yet. At the
// end it returns 0 and no error.
func Read(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		r, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(r), false, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("read", errno)
		}
	}
}

// Write writes to a TCP socket, and returns how much it took.
func Write(fd uintptr, p []byte) (int, error) { return send(fd, p, 0) }

// WriteApart is [Write] of a part that stays one of its own in the kernel. That goes on to fill a part that
// is not sent yet, up to 64 KiB, whatever it may hold unsent; but not one that was written apart.
func WriteApart(fd uintptr, p []byte) (int, error) { return send(fd, p, unix.MSG_EOR) }

func send(fd uintptr, p []byte, flags uintptr) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
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
