package rooms

import (
	"sync/atomic"
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
	callers atomic.Int32 // who waits; the list may have others, who were served for something else
	length  time.Duration
	opened  time.Time // last; of the goroutine that runs
}

// open serves whoever calls for u if its window opens and somebody does, and before that whoever calls for
// what is more urgent. What is less urgent went along, so a window of that opens as well if nobody waits for
// it: windows are in step. It reports whether there was something to bring.
func (c *courier) open(u urgency, batch []*media.Frame) (served bool) {
	if w := &c.windows[u]; w.length == 0 || time.Since(w.opened) < w.length || !c.waits(w) {
		return false
	}
	now := time.Now()
	for v := forSound; v <= u; v++ {
		if c.servePatient(&c.windows[v].calls, batch) {
			served, c.windows[v].opened = true, now
		}
	}
	for v := u; v < urgencies && served; v++ {
		if w := &c.windows[v]; now.Sub(w.opened) >= w.length && !c.waits(w) {
			w.opened = now
		}
	}
	return served
}

// next returns how long it is until a window opens for which somebody waits.
func (c *courier) next() (early time.Duration, ok bool) {
	for u := range c.windows {
		w := &c.windows[u]
		if w.length == 0 || !c.waits(w) {
			continue
		}
		if left := w.length - time.Since(w.opened); !ok || left < early {
			early, ok = left, true
		}
	}
	return early, ok
}

// waits reports whether somebody waits for w. When nobody does, its list ends.
func (c *courier) waits(w *window) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.callers.Load() > 0 {
		return true
	}
	clear(w.waiting)
	w.waiting = w.waiting[:0]
	return false
}

// patience returns u, or atOnce where that has no window, or where leave is short: there it has waited enough.
func (o *outlet) patience(u urgency) urgency {
	if o.courier.windows[u].length == 0 || o.ration != nil && o.ration.isShort() {
		return atOnce
	}
	return u
}

// urgency returns that of the most urgent that waits for o; q.mu is held.
func (q *Queue) urgency(o *outlet) urgency {
	u := forPictures
	for kind := o.first; !kind.IsPicture(); kind++ {
		if q.lanes[kind].len() > 0 {
			u = min(u, urgencyOf(kind))
		}
	}
	return u
}
