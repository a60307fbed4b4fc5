package ws

import (
	"net"
	"testing"

	"parley/api/media"
)

// told is a connection that keeps what it is given, not a copy.
type told struct {
	net.Conn
	given [][]byte
}

func (c *told) Write(p []byte) (int, error) {
	c.given = append(c.given, p)
	return len(p), nil
}

// Packets that are not large are copied once, one behind the other, for one call of the kernel; a large
// one is handed over as it is.
func TestWhatIsWrittenIsCopiedOnceOrNotAtAll(t *testing.T) {
	write := func(frames ...*media.Frame) [][]byte {
		c := new(told)
		if err := (&link{Conn: c}).batch(frames, false); err != nil {
			t.Fatal(err)
		}
		return c.given
	}
	packet := func(size int) *media.Frame { return &media.Frame{Wire: make([]byte, size)} }

	small := make([]*media.Frame, 50)
	for i := range small {
		small[i] = packet(1200)
	}
	const header = 4 // of a message of 126 to 65,535 bytes
	if given := write(small...); len(given) != 1 || len(given[0]) != len(small)*(header+1200) {
		t.Errorf("%d packets are handed over in %d pieces", len(small), len(given))
	}

	large := packet(3*corkBytes + 1)
	at, pieces := 0, 0
	for _, p := range write(packet(1200), large, packet(1200)) {
		if at < len(large.Wire) && len(p) > 0 && &p[0] == &large.Wire[at] {
			at += len(p)
			pieces++
		}
	}
	if at != len(large.Wire) || pieces != 4 {
		t.Errorf("%d of %d bytes of a large packet are its own, in %d pieces", at, len(large.Wire), pieces)
	}
}
