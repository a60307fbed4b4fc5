//go:build unix

package wt_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
)

// The client is a process of its own: what is measured is the cost of the server.
func BenchmarkWrite(b *testing.B) {
	for _, run := range []struct {
		name    string
		framing client.Framing
		streams int64
	}{
		{"packet", client.FramingPacket, fewStreams},
		{"packet/endless", client.FramingPacket, endlessStreams},
		{"stream", client.FramingStream, fewStreams},
		{"datagram", client.FramingPacket, fewStreams},
	} {
		b.Run(run.name, func(b *testing.B) {
			mediatest.BenchmarkWrite(b, run.name == "datagram", func(b *testing.B) media.Conn {
				return dialProcess(b, run.framing, run.streams)
			})
		})
	}
}

const (
	// fewStreams is what browsers grant. The library renews it with every stream that ends, in a
	// packet of its own, and browsers once for dozens: what a server can do about what it costs lies
	// between this and endlessStreams, which are never renewed.
	fewStreams     = 100
	endlessStreams = 1 << 60
)

// clientVariable in the environment makes this program a client of the URL in it.
const clientVariable = "PARLEY_WT_CLIENT"

// dialProcess returns the server's end of a connection to a process that discards what it gets.
func dialProcess(b *testing.B, framing client.Framing, streams int64) media.Conn {
	s := newSite(b, nil)
	_, stop := mediatest.Again(b, nil, clientVariable+"="+s.url, clientVariable+"_FRAMING="+string(framing),
		fmt.Sprint(clientVariable, "_STREAMS=", streams))
	held := s.hold.Next(b)
	b.Cleanup(func() {
		stop()
		held.End(nil)
	})
	return held.Conn
}

// discard is the client: it takes what comes until standard input ends.
func discard(url string, framing client.Framing, streams int64) error {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	c, err := client.Dial(ctx, url, client.Options{
		TLS:     &tls.Config{InsecureSkipVerify: true}, // it is ours
		Inbox:   4096,
		QUIC:    &quic.Config{MaxIncomingUniStreams: streams},
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
		streams, err := strconv.ParseInt(os.Getenv(clientVariable+"_STREAMS"), 10, 64)
		if err == nil {
			err = discard(url, client.Framing(os.Getenv(clientVariable+"_FRAMING")), streams)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}
