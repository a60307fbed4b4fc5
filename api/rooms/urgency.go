package rooms

import (
	"time"

	"parley/api/media"
)

// urgency says for which others what goes to a connection may wait. What is more urgent comes first.
type urgency uint8

const (
	atOnce urgency = iota // for none: control and data
	forSound
	forPictures
	urgencies
)

func urgencyOf(k media.Kind) urgency {
	switch {
	case k == media.Audio:
		return forSound
	case k.IsPicture():
		return forPictures
	}
	return atOnce
}

// lengths of windows; 0 is none.
type lengths [urgencies]time.Duration

// window is a time within which whoever calls a courier for an urgency is served once.
type window struct {
	calls
	length time.Duration
	opened time.Time // last; of the goroutine that runs
}

// patience returns u, or atOnce where that has no window.
func (c *courier) patience(u urgency) urgency {
	if c.windows[u].length == 0 {
		return atOnce
	}
	return u
}

// urgency returns that of the most urgent that waits for o. What a batch had no room for has waited
// for its window; q.mu is held.
func (q *Queue) urgency(o *outlet) urgency {
	if o.cut {
		return atOnce
	}
	u := forPictures
	for kind := o.first; !kind.IsPicture(); kind++ {
		if q.lanes[kind].len() > 0 {
			u = min(u, urgencyOf(kind))
		}
	}
	return u
}
