//go:build !unix

package ws

const canWriteNow = false

func writeNow(uintptr, []byte) (int, error) { return 0, nil }

// writeApart is not needed where nothing bounds what the kernel holds unsent.
func writeApart(uintptr, []byte) (int, error) { return 0, nil }
