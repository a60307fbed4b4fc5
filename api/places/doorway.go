package places

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// Doorway bounds how many are on their way in at once, so that each gets in soon. Others wait in line,
// for a moment: who waits longer than they have patience gives up and comes again, and what was
// done for them is lost.
type Doorway struct {
	room     *semaphore.Weighted
	patience time.Duration
}

// NewDoorway returns a Doorway for most at once, at least 1, with a line to wait in for as long as
// patience.
func NewDoorway(most int, patience time.Duration) *Doorway {
	return &Doorway{room: semaphore.NewWeighted(int64(most)), patience: patience}
}

// Enter waits in line, until ctx ends at the latest, and reports whether there was room: it is taken
// until Leave is called. Who came first is let in first. Any goroutine may call it.
func (d *Doorway) Enter(ctx context.Context) bool {
	if d.room.TryAcquire(1) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	return d.room.Acquire(ctx, 1) == nil
}

// Leave gives up what one Enter took.
func (d *Doorway) Leave() { d.room.Release(1) }
