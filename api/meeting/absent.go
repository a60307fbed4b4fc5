package meeting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// NodeLost records that the sessions of a node that died, or went away without recording all
// of them, left just now, and returns the meetings that ended with that. Any number of nodes may call it for the same one: each
// meeting is returned to one of them. It tries until the database takes it or ctx ends.
func (l *Ledger) NodeLost(ctx context.Context, node string) ([]RoomEnded, error) {
	return l.closeAll(ctx, "close sessions of lost node "+node, func(ctx context.Context) ([]Attendance, error) {
		return l.store.OpenOn(ctx, node)
	})
}

// Reconcile is NodeLost for every node but those that are alive, of which this one has to
// be one: it closes what nodes left open that died when nobody was there to see it.
func (l *Ledger) Reconcile(ctx context.Context, alive []string) ([]RoomEnded, error) {
	return l.closeAll(ctx, "close sessions of lost nodes", func(ctx context.Context) ([]Attendance, error) {
		return l.store.OpenElsewhere(ctx, alive)
	})
}

func (l *Ledger) closeAll(ctx context.Context, what string, list func(context.Context) ([]Attendance, error)) ([]RoomEnded, error) {
	var over []RoomEnded
	for pause := retryPause; ; pause = min(2*pause, retryPauseMax) {
		open, err := list(ctx)
		if err == nil {
			if len(open) > 0 {
				l.log.Info(what, "sessions", len(open))
			}
			var some []RoomEnded
			some, err = l.exitAll(ctx, open)
			over = append(over, some...)
		}
		if err == nil || errors.Is(err, ErrRejected) {
			return over, err
		}
		if ctx.Err() == nil {
			l.log.Warn("database does not take departures, trying again", "err", err, "in", pause)
		}
		select {
		case <-ctx.Done():
			return over, fmt.Errorf("%s: %w", what, err)
		case <-time.After(pause):
		}
	}
}

// exitAll closes sessions, in order within a room, several rooms side by side.
func (l *Ledger) exitAll(ctx context.Context, open []Attendance) ([]RoomEnded, error) {
	rooms := map[string][]Attendance{}
	for _, a := range open {
		rooms[a.Room] = append(rooms[a.Room], a)
	}
	var mu sync.Mutex
	var over []RoomEnded
	var group errgroup.Group // not of one context: the others go on when a room fails
	group.SetLimit(writers)
	for name, sessions := range rooms {
		group.Go(func() error {
			endWithHost := l.enabled(name) && l.endWith(name)
			for _, a := range sessions {
				ended, err := l.store.Exit(ctx, a, now(), endWithHost)
				if err != nil {
					return err
				}
				if ended.Over {
					mu.Lock()
					over = append(over, RoomEnded{Room: name, Ended: ended})
					mu.Unlock()
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return over, err
}
