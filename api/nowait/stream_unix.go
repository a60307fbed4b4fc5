//go:build unix && !linux

package nowait

import (
	"os"

	"golang.org/x/sys/unix"
)

// Possible says whether [Read] and [Write] can be used.
const Possible = true

// Read reads what is there from a socket that does not block; again says that there is nothing yet. At the
// end it returns 0 and no error.
func Read(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = unix.Read(int(fd), p)
		switch err {
		case nil:
			return n, false, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("read", err)
		}
	}
}

// Write writes to a TCP socket that does not block, and returns how much it took.
func Write(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err = unix.Write(int(fd), p)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			err = nil
		}
		return max(n, 0), err
	}
}

// WriteApart is not needed where nothing bounds what the kernel holds unsent.
func WriteApart(uintptr, []byte) (int, error) { return 0, nil }
