package wt

import (
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/media"
)

// Partial returns how many bytes the packets of a client occupy that the session did not take.
func Partial(c media.Conn) int64 { return c.(packetConn).partial.Load() }

// Sent returns how many bytes the library has sent that are not lost.
func Sent(c media.Conn) int64 { return c.(packetConn).streams.pace.sent() }

// UnsentBytes is what may wait in the library, beside one packet.
const UnsentBytes = unsentBytes

// QUICConfig is what the server configures.
func QUICConfig(idle time.Duration) *quic.Config { return quicConfig(idle, DefaultKeepAlive) }

// Limits of who waits to be told to prove an address.
const (
	RetryQueue = retryQueue
	RetryMost  = retryMost
	RetryQuiet = retryQuiet
)

// IsRetry reports whether a packet is a Retry.
func IsRetry(packet []byte) bool { return isRetry(packet) }

// Proof decides who has to show that its address is its own, where it sees what is sent.
type Proof struct{ *proof }

// NewProof returns one that believes so many at once.
func NewProof(most int) Proof {
	p := Proof{newProof(most)}
	p.watched = true
	return p
}

// Wanted reports whether a new connection has to show it.
func (p Proof) Wanted() bool { return p.wanted(nil) }

// Sends notes that a packet is sent.
func (p Proof) Sends(packet []byte) { p.sends(packet) }
