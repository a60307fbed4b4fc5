package places

import "sync/atomic"

// Doorway bounds how many are on their way in at once: whoever is let on it gets in before they
// lose patience, and the others can be told at once to try again.
type Doorway struct {
	most int64
	in   atomic.Int64
}

// NewDoorway returns a Doorway for most at once, at least 1.
func NewDoorway(most int) *Doorway { return &Doorway{most: int64(most)} }

// Enter reports whether there is room for one more, who takes it until Leave is called. It does not
// block; any goroutine may call it.
func (d *Doorway) Enter() bool {
	if d.in.Add(1) <= d.most {
		return true
	}
	d.in.Add(-1)
	return false
}

// Leave gives up what one Enter took.
func (d *Doorway) Leave() { d.in.Add(-1) }
