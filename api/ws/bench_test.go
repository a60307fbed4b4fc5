//go:build unix

package ws_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"parley/api/media"
	"parley/api/media/mediatest"
)

// The client is a process of its own, which discards bytes without decrypting or parsing them: what is
// measured is the cost of the server.
func BenchmarkWrite(b *testing.B) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		b.Run(name, func(b *testing.B) {
			mediatest.BenchmarkWrite(b, false, func(b *testing.B) media.Conn { return dialProcess(b, secure) })
		})
	}
}

// clientVariable in the environment makes this program a client of the URL in it.
const clientVariable = "PARLEY_WS_CLIENT"

// dialProcess returns the server's end of a connection to a process that discards what it gets.
func dialProcess(b *testing.B, secure bool) media.Conn {
	s := newSite(b, secure, nil)
	_, stop := mediatest.Again(b, nil, clientVariable+"="+s.URL)
	held := s.hold.Next(b)
	b.Cleanup(func() {
		stop()
		held.End(nil)
	})
	return held.Conn
}

// discard is the client: it takes what comes until standard input ends.
func discard(url string) error {
	scheme, addr, _ := strings.Cut(url, "://")
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	client := raw
	if scheme == "https" {
		client = tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) // it is ours
	}
	if _, err := io.WriteString(client, handshake); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, raw) }() // ends with raw
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func init() {
	if url := os.Getenv(clientVariable); url != "" {
		if err := discard(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}
