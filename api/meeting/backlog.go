package meeting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	work    *sync.Cond         // line is not empty, or closed is set
	cancel  context.CancelFunc // ends what run tries; nil while it does not run
	over    chan struct{}      // closed when run has returned
	sealed  bool               // nothing is taken any more
	closed  bool
	used    bool // something was taken
	rooms   map[string]*room
	line    line
	parked  []*room // the same, but their last try failed
	pending int     // writes in all rooms
	trouble trouble
}

func newBacklog(store Store, log *slog.Logger, limit int) *backlog {
	b := &backlog{store: store, log: log, max: limit, rooms: map[string]*room{}, over: make(chan struct{})}
	b.work = sync.NewCond(&b.mu)
	return b
}

// run writes until ctx ends.
func (b *backlog) run(ctx context.Context) {
	defer close(b.over)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.mu.Lock()
	b.cancel = cancel
	b.mu.Unlock()
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		b.close()
	})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for parts := b.next(); parts != nil; parts = b.next() {
				if parts[0].leaving {
					b.leave(ctx, parts)
				} else {
					b.write(ctx, parts[0].room, parts[0].writes)
				}
			}
		})
	}
	wg.Wait()
	if !stop() {
		<-said
	}
}

// write tries to write ws, which are of r.
func (b *backlog) write(ctx context.Context, r *room, ws []*write) {
	err := b.perform(ctx, ws)
	if len(ws) > 1 && errors.Is(err, ErrRejected) {
		b.unbundle(r, ws)
		ws = ws[:1]
		err = b.perform(ctx, ws)
	}
	b.done(r, ws, err)
}

func (b *backlog) close() {
	if arrivals, departures := b.stop(); arrivals+departures > 0 {
		b.log.Error("attendance records are lost with this process", "arrivals", arrivals, "departures", departures)
	}
}

// stop makes run end, and returns how many records it leaves unwritten. It is 0 when run was stopped before.
func (b *backlog) stop() (arrivals, departures int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, 0
	}
	b.closed = true
	if b.cancel != nil {
		b.cancel()
	}
	b.disarm()
	b.work.Broadcast()
	for _, r := range b.rooms {
		for _, w := range r.pending {
			if w.exit {
				departures++
			} else {
				arrivals++
			}
		}
	}
	return arrivals, departures
}

// add puts w at the end of the queue of its room and returns it.
func (b *backlog) add(w *write) *write {
	w.answered, w.settled = make(chan struct{}), make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		w.started = Started{At: w.at, Creator: w.User, Guess: true}
		w.settle()
		return w
	}
	b.used = true
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
// write was rejected the next ones are tried one by one. Rooms that people only leave are written together.
func (b *backlog) next() []part {
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
		if r.onlyLeft() && (len(r.pending) > 1 || len(b.line.others) > 0) {
			return b.departures(r)
		}
		n := min(len(r.pending), together)
		if r.singly > 0 {
			n = 1
		}
		return []part{r.part(n)}
	}
	return nil
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
	r.alone = false
	b.settle(r, len(ws))
}

// settle takes the first n writes of r off the list: they are written, or never will be.
func (b *backlog) settle(r *room, n int) {
	for _, w := range r.pending[:n] {
		w.settle()
	}
	r.pending = r.pending[n:]
	b.pending -= n
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

// seal refuses all that is asked for from now on: it is taken for granted and not recorded.
func (b *backlog) seal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
}

// here returns how many sessions may be open on record because of what was asked for, as far as is remembered,
// and whether anything ever was.
func (b *backlog) here() (sessions int, used bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.rooms {
		sessions += len(r.sessions)
		for _, w := range r.pending {
			if w.exit {
				sessions++
			}
		}
	}
	return sessions, b.used
}

// occupied reports whether anybody is there, or something is to be written of those who were.
func (b *backlog) occupied() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.rooms) > 0 && !b.sealed
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
