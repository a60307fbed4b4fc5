//go:build unix

package wt_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
)

// The client is a process of its own: what is measured is the cost of the server.
func BenchmarkWrite(b *testing.B) {
	for name, framing := range map[string]client.Framing{"packet": client.FramingPacket, "stream": client.FramingStream, "datagram": ""} {
		b.Run(name, func(b *testing.B) {
			mediatest.BenchmarkWrite(b, name == "datagram", func(b *testing.B) media.Conn { return dialProcess(b, framing) })
		})
	}
}

// clientVariable in the environment makes this program a client of the URL in it.
const clientVariable = "PARLEY_WT_CLIENT"

// dialProcess returns the server's end of a connection to a process that discards what it gets.
func dialProcess(b *testing.B, framing client.Framing) media.Conn {
	s := newSite(b, nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), clientVariable+"="+s.url, clientVariable+"_FRAMING="+string(framing))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	held := s.hold.Next(b)
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
		held.End(nil)
	})
	return held.Conn
}

// discard is the client: it takes what comes until standard input ends.
func discard(url string, framing client.Framing) error {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	c, err := client.Dial(ctx, url, client.Options{
		TLS:     &tls.Config{InsecureSkipVerify: true}, // it is ours
		Inbox:   4096,
		QUIC:    &quic.Config{MaxIncomingUniStreams: 100}, // what browsers grant
		Framing: framing,
	})
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	for {
		if _, err := c.Receive(ctx); err != nil {
			return c.Close()
		}
	}
}

func init() {
	if url := os.Getenv(clientVariable); url != "" {
		if err := discard(url, client.Framing(os.Getenv(clientVariable+"_FRAMING"))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}
