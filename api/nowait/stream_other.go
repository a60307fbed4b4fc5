//go:build !unix

package nowait

import "net"

// Possible says whether [Read] and [Write] can be used.
const Possible = false

// Read cannot be used here.
func Read(uintptr, []byte) (n int, again bool, err error) { return 0, false, net.ErrClosed }

// Write cannot be used here.
func Write(uintptr, []byte) (int, error) { return 0, nil }

// WriteApart is not needed where nothing bounds what the kernel holds unsent.
func WriteApart(uintptr, []byte) (int, error) { return 0, nil }
