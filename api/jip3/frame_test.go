package jip3

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// parts is a connection that gives its bytes in parts. Before each it tells what the reader holds.
type parts struct {
	net.Conn
	left  []byte
	sizes []int // by turns
	turn  int
	look  func()
}

func (s *parts) SetReadDeadline(time.Time) error { return nil }

func (s *parts) Read(p []byte) (int, error) {
	s.look()
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.left[:min(s.sizes[s.turn%len(s.sizes)], len(s.left))])
	s.left = s.left[n:]
	s.turn++
	return n, nil
}

// However messages arrive they come out whole, and who waits for the next one holds a small buffer only.
func TestMessagesComeOutWhole(t *testing.T) {
	var stream []byte
	var want [][]byte
	for i, size := range []int{0, 1, 200, restSize - prefix, restSize, 300, 5000, 7, bufferSize - prefix, bufferSize, 90, 40000, 12, 9000, 9000, 3} {
		message := bytes.Repeat([]byte{byte(i)}, size)
		want = append(want, message)
		stream = AppendMessage(stream, message)
	}
	for _, sizes := range [][]int{{1}, {3}, {restSize}, {restSize, 1}, {bufferSize}, {len(stream)}, {700, 5000, 2}} {
		c := &parts{left: stream, sizes: sizes}
		r := &reader{conn: c, max: MaxEvent, large: newPool(1), rest: make([]byte, restSize)}
		r.settle()
		c.look = func() {
			if r.borrowed != nil && !r.within() && !r.full {
				t.Errorf("in parts of %v: a buffer is borrowed for nothing", sizes)
			}
		}
		for i, message := range want {
			got, err := r.next()
			if err != nil || !bytes.Equal(got, message) {
				t.Fatalf("in parts of %v: message %d has %d bytes and %v, want %d", sizes, i, len(got), err, len(message))
			}
		}
		if _, err := r.next(); err != io.EOF {
			t.Errorf("in parts of %v: %v at the end", sizes, err)
		}
		r.close()
		if r.borrowed != nil || r.lent != nil {
			t.Errorf("in parts of %v: a buffer is kept", sizes)
		}
	}
}
