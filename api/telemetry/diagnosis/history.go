package diagnosis

import (
	"slices"
	"time"
)

// Span is how much of a call is judged as one, and step how far the next span is: cameras and
// clients are sampled every few seconds.
const (
	Span = 12 * time.Second
	step = 4 * time.Second
)

// History says what was bad in a call and when, the first first. Findings with the same cause
// that follow each other are one, with the facts of when most spoke for it.
func (c *Call) History() []*Finding {
	type key struct {
		device    DeviceID
		media     string
		at        Place
		direction Direction
		cause     Cause
	}
	var all []*Finding
	open := map[key]*Finding{}
	for to := c.From.Add(step); ; to = to.Add(step) {
		part := c.Between(to.Add(-Span), to)
		for _, f := range part.Look() {
			k := key{f.Device, f.Media, f.At, f.Direction, f.Cause}
			f.From = later(f.To.Add(-step), c.From)
			was := open[k]
			if was == nil || f.From.Sub(was.To) > Span {
				open[k] = f
				all = append(all, f)
				continue
			}
			was.To = f.To
			was.Sure = was.Sure || f.Sure
			if len(f.Facts) > len(was.Facts) {
				was.Facts = f.Facts
			}
			for _, s := range f.Senders {
				if !slices.Contains(was.Senders, s) {
					was.Senders = append(was.Senders, s)
				}
			}
		}
		if !to.Before(c.To) {
			return all
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
