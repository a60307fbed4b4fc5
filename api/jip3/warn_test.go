package jip3

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// What does not work is told to whoever runs the server, at the level that is on by default, with
// who it was and why.
func TestOperatorsAreToldWhatDoesNotWork(t *testing.T) {
	good := hello(t, v1, 1, nil)
	for name, c := range map[string]struct {
		sent [][]byte
		want []string
	}{
		"version 2":       {[][]byte{append(append(length(uint32(len(good)-prefix)), 2), good[prefix+1:]...)}, []string{"did not introduce itself", "unknown version of the protocol: 2", "remote=127.0.0.1"}},
		"nothing":         {},
		"half":            {[][]byte{good[:100]}, []string{"did not introduce itself", "ended within a message"}},
		"unreadable":      {[][]byte{good, synced(t), raw(13, []byte{2}), raw(13, []byte{3})}, []string{"cannot be read", "seq=1 ", "kind=13", "value not permitted", "peer=", "unreadable=2"}},
		"too large":       {[][]byte{good, length(MaxEvent + 1), make([]byte, MaxEvent+1)}, []string{"too large", "seq=0 "}},
		"faster than may": {append([][]byte{good}, repeated(synced(t), 30)...), []string{"sends more than it may", "most_events=10", "limited="}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := serve(t, Options{Rate: Rate{Events: 10}, Log: slog.New(slog.NewTextHandler(&log, nil))})
			conn := s.dial(t).(*net.TCPConn)
			_, _ = conn.Write(bytes.Join(c.sent, nil)) // it may be closed before all is written
			_ = conn.CloseWrite()
			_, _ = io.Copy(io.Discard, conn) // until the server has done with it
			s.stop()
			text := log.String()
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("nothing says %q: %s", want, text)
				}
			}
			if n := strings.Count(text, "level=WARN"); n != min(len(c.want), 1) {
				t.Errorf("%d warnings: %s", n, text)
			}
		})
	}
}

func repeated(b []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}

// Whoever can connect cannot fill the log.
func TestWarningsAreFew(t *testing.T) {
	var log bytes.Buffer
	var w warnings
	l := slog.New(slog.NewTextHandler(&log, nil))
	for i := range 100 {
		w.warn(l, "node refused", "remote", netip.AddrPortFrom(netip.IPv6Loopback(), uint16(i)))
	}
	n := strings.Count(log.String(), "\n")
	if n < warnBurst || n > warnBurst+5 {
		t.Errorf("%d lines", n)
	}
	w.lines.tokens = 1
	w.warn(l, "node refused")
	if got := log.String(); !strings.Contains(got, fmt.Sprintf("left_out=%d", 100-n)) {
		t.Errorf("nobody is told how many were left out: %s", got)
	}
}
