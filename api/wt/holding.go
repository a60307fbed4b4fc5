package wt

import (
	"sync/atomic"

	"github.com/quic-go/webtransport-go"

	"parley/api/intake"
	"parley/api/media"
	"parley/api/wire"
)

// partialBytes bounds what the packets of one client occupy until the session takes them:
// four of the largest.
const partialBytes = 4 * wire.MaxPacket

// holding is the memory of a packet until the session took it, or of the beginning of a stream.
type holding struct {
	c         *conn
	held      int64
	arrival   *intake.Arrival
	over      chan struct{} // closed when others need the memory
	delivered atomic.Bool   // who reads gives it back
}

// hold begins without any. When others need what it has its stream is refused, or the session ends that
// does not take the packet.
func (c *conn) hold(str *webtransport.ReceiveStream) *holding {
	h := &holding{c: c, over: make(chan struct{})}
	h.arrival = c.intake.Begin(func() {
		if h.delivered.Load() {
			c.end(intake.ErrCrowded)
			return
		}
		close(h.over)
		c.refuse(str, TooMuch)
	})
	return h
}

// deliver is that of the connection, unless others need the memory before there is room.
func (h *holding) deliver(p media.Packet) {
	h.c.hear()
	select {
	case h.c.inbox <- inbound{p, h}:
		h.delivered.Store(true)
		h.c.awake.wake()
	case <-h.over:
	case <-h.c.life.Done():
	}
}

// grow reports whether there are so many bytes in all, never less than before.
func (h *holding) grow(size int64) bool {
	more := size - h.held
	h.held = size
	together := h.c.partial.Add(more)
	return together <= partialBytes && h.arrival.Hold(size, together)
}

// abandon gives the memory back of what was not delivered.
func (h *holding) abandon() {
	if !h.delivered.Load() {
		h.release()
	}
}

func (h *holding) release() {
	h.c.partial.Add(-h.held)
	h.arrival.Done()
}
