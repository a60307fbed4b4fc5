package wt

import (
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/media"
)

// Partial returns how many bytes the packets of a client occupy that are not complete.
func Partial(c media.Conn) int64 { return c.(packetConn).partial.Load() }

// Sent returns how many bytes the library has sent that are not lost.
func Sent(c media.Conn) int64 { return c.(packetConn).streams.pace.sent() }

// UnsentBytes is what may wait in the library, beside one packet.
const UnsentBytes = unsentBytes

// QUICConfig is what the server configures.
func QUICConfig(idle time.Duration) *quic.Config { return quicConfig(idle, DefaultKeepAlive) }
