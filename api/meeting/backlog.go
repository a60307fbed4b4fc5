package meeting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// DefaultMaxPending is how many writes wait for the database before some are spared: some
	// megabytes, and an hour of a node that people join and leave twice a second.
	DefaultMaxPending = 20_000

	// reserve is how many times as many may wait of those who are there, or were when the database
	// went away, where nobody's can be spared: more than a node has connections, twice.
	reserve = 8

	// maxRooms is how many rooms are remembered at most. Sessions whose exit another node
	// records would keep theirs for ever.
	maxRooms = 10_000

	// writers is how many rooms are written side by side. It is below the number of
	// connections of a store, so that readers find one.
	writers = 6

	// together is how many writes of one room are one try at most: what many people do at once
	// costs one transaction, and nobody waits for more than some dozens of others.
	together = 64

	// attempt bounds one try to write.
	attempt = 5 * time.Second
)

// backlog carries writes to the store: one at a time and in order for each room, several
// rooms side by side, of which those come first that somebody waits to enter.
type backlog struct {
	store Store
	log   *slog.Logger
	max   int

	mu      sync.Mutex
	work    *sync.Cond // line is not empty, or closed is set
	closed  bool
	rooms   map[string]*room
	line    line
	parked  []*room // the same, but their last try failed
	pending int     // writes in all rooms
	trouble trouble
}

func newBacklog(store Store, log *slog.Logger, limit int) *backlog {
	b := &backlog{store: store, log: log, max: limit, rooms: map[string]*room{}}
	b.work = sync.NewCond(&b.mu)
	return b
}

// run writes until ctx ends.
func (b *backlog) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, b.close)
	defer stop()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for r, ws := b.next(); r != nil; r, ws = b.next() {
				err := b.perform(ctx, ws)
				if len(ws) > 1 && errors.Is(err, ErrRejected) {
					b.unbundle(r, ws)
					ws = ws[:1]
					err = b.perform(ctx, ws)
				}
				b.done(r, ws, err)
			}
		})
	}
	wg.Wait()
}

func (b *backlog) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.disarm()
	b.work.Broadcast()
	if b.pending > 0 {
		b.log.Error("attendance records are lost with this process", "writes", b.pending)
	}
}

// add puts w at the end of the queue of its room and returns it.
func (b *backlog) add(w *write) *write {
	w.answered, w.settled = make(chan struct{}), make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rooms[w.Room]
	if r == nil {
		b.forgetSome()
		r = &room{name: w.Room, sessions: map[uint64]struct{}{}}
		b.rooms[w.Room] = r
	}
	if w.exit {
		delete(r.sessions, w.Session)
		b.noteBrief(r, w)
	} else {
		w.started = r.guess(w)
		r.sessions[w.Session] = struct{}{}
	}
	if b.pending >= b.max && !b.spare() && b.pending >= reserve*b.max {
		b.trouble.lost++
		b.giveUp(w)
		b.tidy(r)
		return w
	}
	r.pending = append(r.pending, w)
	b.pending++
	switch {
	case r.parked, b.closed:
		w.answer() // with the guess
	case !r.busy:
		b.enqueue(r)
	case !w.exit:
		b.line.hurry(r)
	}
	return w
}

// forgetSome makes place for a room by forgetting one that has nothing to write, if any: a
// guess about it may be worse then.
func (b *backlog) forgetSome() {
	if len(b.rooms) < maxRooms {
		return
	}
	for name, r := range b.rooms {
		if !r.busy {
			delete(b.rooms, name)
			return
		}
	}
}

func (b *backlog) enqueue(r *room) {
	r.busy, r.parked = true, false
	b.line.add(r)
	b.work.Signal()
}

// next blocks until there is something to write. It returns nil when run is to end. Where a
// write was rejected the next ones are tried one by one.
func (b *backlog) next() (*room, []*write) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.closed {
		if b.line.empty() {
			b.work.Wait()
			continue
		}
		r := b.line.take()
		if len(r.pending) == 0 { // given up meanwhile
			r.busy = false
			b.tidy(r)
			continue
		}
		n := min(len(r.pending), together)
		if r.singly > 0 {
			n = 1
		}
		ws := slices.Clone(r.pending[:n])
		for _, w := range ws {
			w.running = true
		}
		return r, ws
	}
	return nil, nil
}

// unbundle leaves all but the first of ws, one of which was rejected, for later.
func (b *backlog) unbundle(r *room, ws []*write) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.singly = len(ws)
	for _, w := range ws[1:] {
		w.running = false
	}
}

// perform tries to write ws, which are of one room: all of them or none.
func (b *backlog) perform(ctx context.Context, ws []*write) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	type outcome struct {
		started Started
		ended   Ended
	}
	outcomes := make([]outcome, len(ws))
	err := b.store.Together(ctx, ws[0].Room, func(record Record) (err error) {
		for i, w := range ws {
			o := &outcomes[i]
			o.started, o.ended = w.started, w.ended // nobody else writes these while it runs
			if w.exit {
				o.ended, err = record.Exit(ctx, w.Attendance, w.at, w.endWithHost)
			} else {
				o.started, err = record.Enter(ctx, w.Attendance, w.at)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, w := range ws {
			w.started, w.ended = outcomes[i].started, outcomes[i].ended
		}
	}
	return err
}

// done takes note of what became of writes of r.
func (b *backlog) done(r *room, ws []*write, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range ws {
		w.running = false
	}
	switch {
	case err == nil:
		for _, w := range ws {
			r.learn(w)
		}
		b.recovered()
	case errors.Is(err, ErrRejected): // a single one
		w := ws[0]
		b.log.Error("attendance record is not accepted", "room", w.Room, "session", w.Session, "err", err)
	default:
		b.park(r, err)
		return
	}
	r.singly = max(r.singly-len(ws), 0)
	r.pending = r.pending[len(ws):]
	b.pending -= len(ws)
	for _, w := range ws {
		w.settle()
	}
	r.busy = false
	b.tidy(r)
}

// tidy puts a room that nobody works on where it belongs: in line, or out of memory.
func (b *backlog) tidy(r *room) {
	switch {
	case r.busy:
	case len(r.pending) > 0:
		b.enqueue(r)
	case len(r.sessions) == 0:
		delete(b.rooms, r.name)
	}
}

// flush returns when all that waits now is settled.
func (b *backlog) flush(ctx context.Context) error {
	b.mu.Lock()
	var waiting []*write
	for _, r := range b.rooms {
		waiting = append(waiting, r.pending...)
	}
	b.mu.Unlock()
	for _, w := range waiting {
		select {
		case <-w.settled:
		case <-ctx.Done():
			return fmt.Errorf("write attendance records: %w", context.Cause(ctx))
		}
	}
	return nil
}

// started returns the answer to an entry, or the guess.
func (b *backlog) started(w *write) Started {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.started
}

// ended returns the answer to an exit; the zero value while there is none.
func (b *backlog) ended(w *write) Ended {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.ended
}

// present reports whether a session entered on this node and did not leave.
func (b *backlog) present(a Attendance) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rooms[a.Room]
	if r == nil {
		return false
	}
	_, ok := r.sessions[a.Session]
	return ok
}

// remembered returns what this node knows of the meeting of a room with sessions of its own.
func (b *backlog) remembered(name string) (Started, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rooms[name]
	if r == nil || r.meeting.At.IsZero() {
		return Started{}, false
	}
	return r.meeting, true
}
