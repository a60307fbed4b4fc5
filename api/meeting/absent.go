package meeting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// aliveEvery is how often a node that people are connected to says in the record that it lives: by so
	// much a departure that somebody else has to record may be too early.
	aliveEvery = 3 * time.Second

	// silence is how long a node says nothing before it can be taken for dead by the record alone.
	silence = 7 * time.Second

	// lastTries bounds the wait for what is being written when the ledger ends.
	lastTries = 3 * time.Second
)

// NodeLost records that the sessions of a node that died, or went away without recording all of them, left
// when it was last known to live, and returns the meetings that ended with that. Any number of nodes may call
// it for the same one: each meeting is returned to one of them. It tries until the database takes it or ctx
// ends.
func (l *Ledger) NodeLost(ctx context.Context, node string) ([]RoomEnded, error) {
	over, _, err := l.closeAll(ctx, node, "close sessions of lost node "+node, func(o Open) time.Time { return o.Seen })
	return over, err
}

// Reconcile is NodeLost for every node but those that are alive, of which this one has to
// be one: it closes what nodes left open that died when nobody was there to see it. Those that have just
// said in the record that they live it leaves alone, and returns them.
func (l *Ledger) Reconcile(ctx context.Context, alive []string) (over []RoomEnded, writing []string, err error) {
	silent, writing, err := l.store.Absent(ctx, alive, silence)
	if err != nil {
		return nil, nil, err
	}
	for _, node := range silent {
		some, err := l.NodeLost(ctx, node)
		over = append(over, some...)
		if err != nil {
			return over, writing, err
		}
	}
	return over, writing, nil
}

// Leave ends the ledger, of a node that nobody is connected to any more, or will be: it writes what is left to
// be written, and closes whatever is open on record of this node all the same. It returns the meetings that
// ended with the latter, and with an error how many sessions are left to other nodes, or to those that start
// later, unless it is called again; without an error all is written as far as is known. Nothing that is asked
// for after the call is recorded. It blocks until ctx ends, at most.
func (l *Ledger) Leave(ctx context.Context) (over []RoomEnded, left int, err error) {
	b := l.writes
	b.seal()
	bounded, cancel := context.WithTimeout(ctx, lastTries)
	defer cancel()
	if err := b.flush(bounded); err != nil {
		// What is written from now on would open what is closed.
		if arrivals, departures := b.stop(); arrivals+departures > 0 {
			l.log.Warn("attendance records are not written one by one any more", "arrivals", arrivals, "departures", departures, "err", err)
		}
		select {
		case <-b.over:
		case <-ctx.Done():
		}
	}
	here, used := b.here()
	if !used {
		return nil, 0, nil
	}
	over, left, err = l.closeAll(ctx, l.node, "close sessions that are left of this node", func(Open) time.Time { return now() })
	if left < 0 {
		left = here
	}
	return over, left, err
}

// closeAll closes what is open of a node until nothing is. It returns the meetings that ended, and how many
// sessions are left: -1 when that is not known.
func (l *Ledger) closeAll(ctx context.Context, node, what string, at func(Open) time.Time) (over []RoomEnded, left int, err error) {
	left = -1
	for pause := retryPause; ; pause = min(2*pause, retryPauseMax) {
		var open []Open
		open, err = l.store.OpenOn(ctx, node)
		switch {
		case err == nil && len(open) == 0:
			err = l.store.Gone(ctx, node)
			if err == nil {
				return over, 0, nil
			}
			left = 0
		case err == nil:
			l.log.Info(what, "sessions", len(open))
			var some []RoomEnded
			some, left, err = l.exitAll(ctx, open, at)
			over = append(over, some...)
			if err == nil {
				continue // somebody may have come meanwhile
			}
		}
		if errors.Is(err, ErrRejected) {
			return over, left, err
		}
		if ctx.Err() == nil {
			l.log.Warn("database does not take departures, trying again", "err", err, "in", pause)
		}
		select {
		case <-ctx.Done():
			return over, left, fmt.Errorf("%s: %w", what, err)
		case <-time.After(pause):
		}
	}
}

// exitAll closes sessions, of many rooms together, several times side by side. It returns how many are left.
func (l *Ledger) exitAll(ctx context.Context, open []Open, at func(Open) time.Time) (over []RoomEnded, left int, err error) {
	rooms := map[string][]Departure{}
	for _, o := range open {
		rooms[o.Room] = append(rooms[o.Room], Departure{o.Attendance, at(o), l.enabled(o.Room) && l.endWith(o.Room)})
	}
	var mu sync.Mutex
	left = len(open)
	ended := func(room string, sessions int, e Ended) {
		mu.Lock()
		defer mu.Unlock()
		left -= sessions
		if e.Over {
			over = append(over, RoomEnded{Room: room, Ended: e})
		}
	}
	var group errgroup.Group // not of one context: the others go on when a room fails
	group.SetLimit(writers)
	for names := range slices.Chunk(slices.Sorted(maps.Keys(rooms)), roomsAtOnce) {
		group.Go(func() error { return l.exitRooms(ctx, names, rooms, ended) })
	}
	err = group.Wait()
	return over, left, err
}

// exitRooms closes sessions of some rooms, and tells what became of each.
func (l *Ledger) exitRooms(ctx context.Context, names []string, rooms map[string][]Departure, ended func(room string, sessions int, e Ended)) error {
	var all []Departure
	for _, name := range names {
		all = append(all, rooms[name]...)
	}
	done, err := l.store.Leave(ctx, all)
	if err != nil && !errors.Is(err, ErrRejected) {
		return err
	}
	var rejected error
	for _, name := range names {
		if e, ok := done[name]; ok {
			ended(name, len(rooms[name]), e)
			continue
		}
		// One of the records is to blame, or somebody else is at it.
		for _, d := range rooms[name] {
			e, err := l.store.Exit(ctx, d.Attendance, d.At, d.EndWithHost)
			if err != nil && !errors.Is(err, ErrRejected) {
				return err
			}
			if rejected = errors.Join(rejected, err); err == nil {
				ended(name, 1, e)
			}
		}
	}
	return rejected
}

// stayAlive says in the record that this node lives while anybody is connected to it, until ctx ends.
func (l *Ledger) stayAlive(ctx context.Context) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if l.writes.occupied() {
			bounded, cancel := context.WithTimeout(ctx, aliveEvery)
			_ = l.store.Alive(bounded, l.node) // the backlog says when the database does not answer
			cancel()
		}
	}
}
