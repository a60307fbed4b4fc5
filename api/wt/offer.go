package wt

import (
	"time"

	"parley/api/media"
)

// Offer implements [media.EagerConn]: packets that need no waiting get their streams.
func (c *conn) Offer(frames []*media.Frame) (left []*media.Frame, ok bool) {
	return c.offerTo(&c.streams, frames)
}

// OfferPictures implements [media.EagerPictureConn].
func (c packetConn) OfferPictures(frames []*media.Frame) (left []*media.Frame, ok bool) {
	return c.offerTo(c.pictures, frames)
}

func (c *conn) offerTo(s *sender, frames []*media.Frame) (left []*media.Frame, ok bool) {
	c.wrote.Store(int64(time.Since(c.born)))
	for i, f := range frames {
		if f.Datagram && c.datagram(f) {
			continue
		}
		if !s.offer(f.Wire) {
			return frames[i:], false
		}
	}
	return nil, true
}

// offer sends packet if there is a stream for it and not much waits in the library. What fails is for
// send to tell.
func (s *sender) offer(packet []byte) bool {
	if !s.fits(packet) {
		return false
	}
	str, err := s.openNow()
	if err != nil {
		return false
	}
	if !s.copies(str, packet) {
		s.spare = str // send is going to wait for what it lacks
		return false
	}
	_ = str.Close()
	return true
}

// Offer implements [media.EagerConn].
func (c *streamConn) Offer(frames []*media.Frame) (left []*media.Frame, ok bool) {
	if !c.prepared.Load() {
		return frames, false
	}
	c.wrote.Store(int64(time.Since(c.born)))
	for i, f := range frames {
		l := c.control
		switch {
		case f.Datagram && c.datagram(f):
			continue
		case f.Kind == media.Audio:
			l = c.audio
		}
		if !l.offer(f.Wire) {
			return frames[i:], false
		}
	}
	return nil, true
}

// OfferPictures implements [media.EagerPictureConn].
func (c *streamConn) OfferPictures(frames []*media.Frame) (left []*media.Frame, ok bool) {
	if !c.prepared.Load() {
		return frames, false
	}
	c.turn()
	for i, f := range frames {
		if !c.offerPicture(f) {
			c.leftover = true
			return frames[i:], false
		}
	}
	return nil, true
}

func (c *streamConn) offerPicture(f *media.Frame) bool {
	if c.album.taken.Load()+int64(lengthBytes+len(f.Wire)) > c.album.bytes {
		return false // before it begins a group
	}
	l, err := c.group(f.Stream(), f.Key)
	if err != nil {
		return err == errSkipped
	}
	return l.offer(f.Wire)
}
