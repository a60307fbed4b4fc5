//go:build unix

package ws_test

import (
	"io"
	"testing"

	"parley/api/media"
	"parley/api/media/mediatest"
)

// The client discards bytes without parsing them.
func BenchmarkWrite(b *testing.B) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		b.Run(name, func(b *testing.B) {
			mediatest.BenchmarkWrite(b, false, func(b *testing.B) media.Conn { return openRaw(b, secure) })
		})
	}
}

func openRaw(b testing.TB, secure bool) media.Conn {
	s := newSite(b, secure, nil)
	raw, held := s.raw(b)
	go func() { _, _ = io.Copy(io.Discard, raw) }() // ends with raw
	return held.Conn
}
