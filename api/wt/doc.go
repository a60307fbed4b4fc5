// Package wt carries sessions over WebTransport. A datagram is one packet; a unidirectional
// stream is one packet, or several with their lengths, which shows in its first byte.
//
// # Reading
//
// Streams are looked at in the order in which the client opened them. One that is complete
// by then, as nearly all small packets are, is delivered at once and so in order; others
// are read on the side and delivered when they are complete, because waiting for a large
// or lost one would give away what separate streams are for. A stream whose packet is larger
// than wire.MaxPacket or takes too long is refused, see Refusal; the session stays.
//
// The session itself takes streams from the library. Datagrams, and what is read on the side, pass through
// a bounded channel, and wake it. When it does not read, flow control stops the client.
//
// # Writing
//
// By default every packet gets a stream that is opened, written and closed, unless its frame allows a
// datagram. Small writes of the QUIC library return before anything is sent, and a client
// may grant any number of streams, so the library alone would buffer without limit. Once
// unsentBytes were handed over, a write therefore waits until it has really been put into
// a network packet, and with it all of its kind that was written before. Up to there an offer takes
// packets, which waits for nothing. Pictures are written apart: everything else gets the next stream that
// is granted, and goes first in the library.
//
// A client that asks for it gets long-lived streams instead, see streamConn: several packets
// cost one write, and a group of pictures that its receiver will never show is taken back.
//
// A client that takes some of what it is sent within the write timeout is slow, but stays.
//
// A client that grants no streams is not slow but deaf: command-line clients publish and
// never look at what they are sent. It may stay, and what it should get is discarded.
//
// # Life
//
// A dead path is noticed by QUIC: its idle timeout ends a connection that does not answer
// keep-alives. A living path with a dead application is noticed by this package: a session
// without a single stream or datagram for a while is idle. Every session has a connection
// of its own, and ends with it.
package wt
