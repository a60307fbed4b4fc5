package lossy

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// random is where a filter finds a number that is another for every packet.
const random = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM

// drop gives a socket a filter that keeps a packet unless its random number is below the share.
func drop(fd int, share float64) error {
	if share <= 0 {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if errors.Is(err, unix.ENOENT) {
			return nil // there is none
		}
		return err
	}
	below := uint32(min(share, 1) * math.MaxUint32)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, Jf: 1, K: below},
		{Code: unix.BPF_RET | unix.BPF_K, K: math.MaxUint32}, // all of it
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}
