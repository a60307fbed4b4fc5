package client

import (
	"errors"
	"io"
	"testing"
)

// A long-lived stream that ends before its first packet carried none, and one that broke none in any case.
func TestStreamsThatEndBeforeTheirFirstPacket(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		lasts bool
		end   error
		want  int
	}{{true, io.EOF, 0}, {false, io.EOF, 1}, {true, broken, 0}, {false, broken, 0}} {
		reads, got := 0, 0
		str := readFunc(func([]byte) (int, error) {
			if reads++; reads == 1 {
				return 0, c.end
			}
			return 0, io.EOF
		})
		err := readStream(str, c.lasts, func(p Packet) error {
			got++
			return nil
		}, func() {})
		if got != c.want || errors.Is(err, broken) != (c.end == broken) {
			t.Errorf("%v, %v: %d packets, %v", c.lasts, c.end, got, err)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }
