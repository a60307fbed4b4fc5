//go:build unix && !linux

package ws

import "golang.org/x/sys/unix"

const canWriteNow = true

// writeNow writes to a socket that does not block, and returns how much it took.
func writeNow(fd uintptr, p []byte) (n int, err error) {
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

// writeApart is not needed where nothing bounds what the kernel holds unsent.
func writeApart(uintptr, []byte) (int, error) { return 0, nil }
