//go:build unix

package ws_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
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
	addr := s.URL[strings.Index(s.URL, "//")+2:]
	var raw net.Conn
	var err error
	if secure {
		roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		raw, err = tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}})
	} else {
		raw, err = net.Dial("tcp", addr)
	}
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.WriteString(raw, handshake); err != nil {
		b.Fatal(err)
	}
	held := s.hold.Next(b)
	go func() { _, _ = io.Copy(io.Discard, raw) }() // ends with raw
	b.Cleanup(func() {
		_ = raw.Close()
		held.End(nil)
	})
	return held.Conn
}
