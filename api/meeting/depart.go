package meeting

import (
	"context"
	"errors"
	"slices"
)

const (
	// roomsAtOnce and departuresAtOnce bound what is written of many rooms together. A database has
	// some thousands of locks for all that run, and each room takes two.
	roomsAtOnce      = 64
	departuresAtOnce = 1000
)

// part is what one try writes of a room.
type part struct {
	room    *room
	writes  []*write // the first of those that wait
	leaving bool     // departures, written together with those of other rooms
}

// part takes the first n writes of r.
func (r *room) part(n int) part {
	p := part{room: r, writes: slices.Clone(r.pending[:n])}
	for _, w := range p.writes {
		w.running = true
	}
	return p
}

// onlyLeft reports whether all that waits of r are departures, which can be written together with those
// of other rooms.
func (r *room) onlyLeft() bool {
	return len(r.pending) > 0 && !r.alone && r.singly == 0 &&
		!slices.ContainsFunc(r.pending, func(w *write) bool { return !w.exit })
}

// departures takes those of r, and of more rooms in line.
func (b *backlog) departures(r *room) []part {
	var parts []part
	n := 0
	take := func(r *room) {
		p := r.part(min(len(r.pending), departuresAtOnce-n))
		p.leaving = true
		parts = append(parts, p)
		n += len(p.writes)
	}
	take(r)
	b.line.some(func(r *room) bool {
		fits := n < departuresAtOnce && len(parts) < roomsAtOnce && r.onlyLeft()
		if fits {
			take(r)
		}
		return fits
	})
	return parts
}

// leave tries to write departures from many rooms.
func (b *backlog) leave(ctx context.Context, parts []part) {
	var all []Departure
	for _, p := range parts {
		for _, w := range p.writes {
			all = append(all, Departure{w.Attendance, w.at, w.endWithHost})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	rooms, err := b.store.Leave(ctx, all)
	b.mu.Lock()
	defer b.mu.Unlock()
	failures := b.trouble.failures
	for _, p := range parts {
		r := p.room
		for _, w := range p.writes {
			w.running = false
		}
		ended, done := rooms[r.name]
		switch {
		case err != nil && !errors.Is(err, ErrRejected):
			r.alone = true
			b.park(r, err)
			b.trouble.failures = failures + 1 // all of them are one
		case err != nil || !done: // one of the records is to blame, or somebody else is at it
			r.alone, r.busy = true, false
			b.tidy(r)
		default:
			p.writes[len(p.writes)-1].ended = ended
			for _, w := range p.writes {
				r.learn(w)
			}
			b.settle(r, len(p.writes))
		}
	}
	if err == nil {
		b.recovered()
	}
}
