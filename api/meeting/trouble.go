package meeting

import (
	"slices"
	"time"
)

const (
	// retryPause is the wait after a write failed. It doubles with every failure up to
	// retryPauseMax.
	retryPause    = 100 * time.Millisecond
	retryPauseMax = 3 * time.Second

	// complainEvery is how many records are given up between two complaints in the log.
	complainEvery = 1000
)

// trouble is what the backlog knows of a database that does not answer.
type trouble struct {
	failures int         // since it answered last
	givenUp  int         // writes, since it answered last
	retry    *time.Timer // tries one of the parked rooms; nil when none is set
	brief    []*write    // exits whose entry waits as well: what can be spared first

	spared, lost uint64 // writes of those, and of others, that were given up since the ledger began
}

// park sets a room aside until the next try. Whoever waits for its writes goes on without.
func (b *backlog) park(r *room, err error) {
	if b.closed {
		return
	}
	if b.trouble.failures == 0 {
		b.log.Warn("database does not take attendance records, keeping them for later", "room", r.name, "err", err)
	}
	b.trouble.failures++
	for _, w := range r.pending {
		w.answer()
	}
	r.parked = true
	b.parked = append(b.parked, r)
	b.arm()
}

// arm sets the time of the next try.
func (b *backlog) arm() {
	if b.trouble.retry == nil && len(b.parked) > 0 {
		pause := min(retryPause<<min(b.trouble.failures, 10), retryPauseMax)
		b.trouble.retry = time.AfterFunc(pause, b.probe)
	}
}

func (b *backlog) disarm() {
	if b.trouble.retry != nil {
		b.trouble.retry.Stop()
		b.trouble.retry = nil
	}
}

// probe lets one of the parked rooms try again. The others follow when that works.
func (b *backlog) probe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble.retry = nil
	if len(b.parked) > 0 && !b.closed {
		b.enqueue(b.parked[0])
		b.parked = b.parked[1:]
		b.arm()
	}
}

// recovered notes that the database answers and lets all rooms try again.
func (b *backlog) recovered() {
	if b.trouble.failures == 0 && b.trouble.givenUp == 0 {
		return
	}
	b.log.Info("database takes attendance records again", "waiting", b.pending, "given_up", b.trouble.givenUp)
	b.trouble.failures, b.trouble.givenUp = 0, 0
	b.disarm()
	for _, r := range b.parked {
		b.enqueue(r)
	}
	b.parked = nil
}

// noteBrief remembers an exit whose entry was not written yet.
func (b *backlog) noteBrief(r *room, exit *write) {
	brief := b.trouble.brief
	for len(brief) > 0 && brief[0].isSettled {
		brief = brief[1:]
	}
	if slices.ContainsFunc(r.pending, func(w *write) bool { return w.Session == exit.Session && !w.running }) {
		brief = append(brief, exit)
	}
	b.trouble.brief = brief
}

// spare makes place in a full backlog: it gives up the oldest session that both came and left
// while the database was away, which changes nothing for those who are there. It reports
// whether there was one.
func (b *backlog) spare() bool {
	for i, exit := range b.trouble.brief {
		r := b.rooms[exit.Room]
		if exit.isSettled || r == nil {
			continue
		}
		mine := func(w *write) bool { return w.Session == exit.Session }
		entry := slices.IndexFunc(r.pending, mine)
		if entry < 0 || r.pending[entry].exit || r.pending[entry].running {
			continue // the entry is written, or may be soon, and then the exit has to be
		}
		for _, w := range r.pending {
			if mine(w) {
				b.pending--
				b.trouble.spared++
				b.giveUp(w)
			}
		}
		r.pending = slices.DeleteFunc(r.pending, mine)
		b.trouble.brief = slices.Delete(b.trouble.brief, i, i+1)
		if len(r.pending) == 0 && r.parked {
			b.parked = slices.DeleteFunc(b.parked, func(p *room) bool { return p == r })
			r.busy, r.parked = false, false
			b.tidy(r)
		}
		return true
	}
	return false
}

// giveUp settles a write that will not be written.
func (b *backlog) giveUp(w *write) {
	if b.trouble.givenUp%complainEvery == 0 {
		b.log.Error("too many attendance records wait for the database, giving some up",
			"waiting", b.pending, "given_up", b.trouble.givenUp+1, "room", w.Room, "session", w.Session)
	}
	b.trouble.givenUp++
	w.settle()
}
