package wt

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/quic-go/quic-go"

	"parley/api/media"
)

// outboxDatagrams wait for the QUIC library, which takes 32 itself and then blocks.
const outboxDatagrams = 32

// post sends datagrams, in a goroutine of its own because the library knows no deadline for
// them. That is there while there is something to send, and a little longer.
type post struct {
	more chan struct{} // there is something in waiting; capacity 1
	rest chan struct{} // there was nothing for a while; capacity 1

	mu      sync.Mutex
	waiting [][]byte
	running bool
	used    bool // since the last look
}

// datagram reports whether f could be sent as one; when the path is slow it waits with the
// others. The goroutine that writes calls it.
func (c *conn) datagram(f *media.Frame) bool {
	p := &c.post
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) >= outboxDatagrams {
		return false
	}
	p.waiting = append(p.waiting, f.Wire)
	p.used = true
	if !p.running {
		p.running = true
		c.work.Go(c.writeDatagrams)
		return true
	}
	select {
	case p.more <- struct{}{}:
	default:
	}
	return true
}

// look is called every now and then: who sends a datagram twice in that time keeps the goroutine.
func (p *post) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running && !p.used {
		select {
		case p.rest <- struct{}{}:
		default:
		}
	}
	p.used = false
}

// take returns what waits, in the memory of batch. Nothing means that the caller is dismissed.
func (p *post) take(batch [][]byte, dismissed bool) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(batch)
	batch, p.waiting = p.waiting, batch[:0]
	if len(batch) == 0 && dismissed {
		p.running, p.waiting = false, nil
		select {
		case <-p.rest:
		default:
		}
	}
	return batch
}

// writeDatagrams sends what waits until nothing comes any more, or the session is over.
func (c *conn) writeDatagrams() {
	streams := sender{leave: c.streams.leave, header: c.streams.header, pace: c.streams.pace}
	var batch [][]byte
	for dismissed := false; ; {
		batch = c.post.take(batch, dismissed)
		for _, b := range batch {
			c.sendDatagram(b, &streams)
		}
		if len(batch) > 0 {
			continue
		}
		if dismissed {
			return
		}
		select {
		case <-c.post.more:
		case <-c.post.rest:
			dismissed = true
		case <-c.life.Done(): // what was written before the end is sent
			dismissed = true
		}
	}
}

func (c *conn) sendDatagram(b []byte, streams *sender) {
	err := c.sess.SendDatagram(b)
	if _, ok := errors.AsType[*quic.DatagramTooLargeError](err); ok {
		// The path is narrower than most.
		if c.framed {
			b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
		}
		_ = streams.send(b)
	}
}
