//go:build unix

package wt_test

import (
	"testing"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
)

// The client runs in the same process and costs about as much as the server.
func BenchmarkWrite(b *testing.B) {
	for name, framing := range map[string]client.Framing{"packet": client.FramingPacket, "stream": client.FramingStream, "datagram": ""} {
		b.Run(name, func(b *testing.B) {
			mediatest.BenchmarkWrite(b, name == "datagram", func(b *testing.B) media.Conn {
				c, held := newSite(b, nil).dial(b, client.Options{
					Inbox:   4096,
					QUIC:    &quic.Config{MaxIncomingUniStreams: 100}, // what browsers grant
					Framing: framing,
				})
				go func() { // ends with the client
					for {
						if _, err := c.Receive(b.Context()); err != nil {
							return
						}
					}
				}()
				return held.Conn
			})
		})
	}
}
