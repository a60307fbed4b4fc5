package wt

import (
	"iter"
	"sync/atomic"

	"github.com/quic-go/webtransport-go"
)

// Refusal is why a stream of a client was reset. Its session goes on.
type Refusal uint8

// The refusals.
const (
	TooLarge Refusal = iota // its packet is, or says it is, larger than wire.MaxPacket
	TooSlow                 // its packet was not complete in time
	TooMuch                 // too much memory is taken by packets on their way in
	Empty                   // its packet says that it has no bytes
	TwoWay                  // it is bidirectional
	refusals
)

// String returns the lower-case name used in metrics.
func (r Refusal) String() string {
	return [...]string{"too_large", "too_slow", "too_much", "empty", "two_way"}[r]
}

// Refusals counts the streams that were reset, by reason. The zero value is ready, for any
// number of servers and goroutines.
type Refusals struct{ n [refusals]atomic.Uint64 }

// All yields every reason in order, with how many streams were reset for it.
func (r *Refusals) All() iter.Seq2[Refusal, uint64] {
	return func(yield func(Refusal, uint64) bool) {
		for why := range refusals {
			if !yield(why, r.n[why].Load()) {
				return
			}
		}
	}
}

// refused tells a client that its stream was refused; it is not told why.
const refused webtransport.StreamErrorCode = 1

// refuse resets a stream and counts it.
func (c *conn) refuse(str *webtransport.ReceiveStream, why Refusal) {
	c.refusals.n[why].Add(1)
	str.CancelRead(refused)
}
