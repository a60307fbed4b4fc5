package jip3

import (
	"errors"
	"io"
	"testing"
)

// Whoever ended its session has given its place away: it gets another one at once.
func TestPlaceIsFreeWhenTheConnectionIsClosed(t *testing.T) {
	s := serve(t, Options{Nodes: 1})
	for i := range 50 {
		conn := s.dial(t)
		if _, err := conn.Write(hello(t, v1, 1, nil)); err != nil {
			t.Fatal(err)
		}
		closer, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			t.Fatalf("%T cannot be half closed", conn)
		}
		if err := closer.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("time %d: %v", i, err)
		}
	}
	s.stop()
	if n := s.counters.Refused.Load(); n != 0 || len(s.sessions) != 50 {
		t.Errorf("%d refused, %d sessions", n, len(s.sessions))
	}
}
