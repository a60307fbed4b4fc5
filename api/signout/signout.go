// Package signout remembers which sessions people have ended by signing out, on every node.
//
// A session token is good until it expires, wherever it is, and the database is not asked
// about it. Ending one therefore means to remember it until then: in PostgreSQL, and in the
// memory of every node, which package follow keeps up to date. The tokens for rooms that were
// made with a session carry its id and die with it.
//
// What is remembered is the id of a session, never the token: whoever reads the table gets
// in nowhere.
package signout

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/follow"
	"parley/api/observe"
)

const (
	// subject carries revisions.
	subject = "parley.signouts"

	// sweepEvery is how often what has expired is forgotten, here and in the database.
	sweepEvery = time.Hour

	// patience bounds one writing to the database.
	patience = 3 * time.Second

	// longest is what a record may at most be kept for: the database cannot hold any time.
	longest = 100 * 365 * 24 * time.Hour
)

// Store keeps the sessions that were ended. Its methods block until it answers or ctx ends.
type Store interface {
	// SignOutRevision returns a number that grows with every session ended. It is cheap.
	SignOutRevision(ctx context.Context) (int64, error)

	// SignOuts returns the sessions that were ended after a revision, each with the time
	// until which to remember it, and as of which revision.
	SignOuts(ctx context.Context, after int64) (int64, map[string]time.Time, error)

	// SignOut records that a session was ended, which is to be remembered until a given
	// time, and returns the revision with that. Doing it again changes nothing.
	SignOut(ctx context.Context, session string, until time.Time) (int64, error)

	// ForgetSignOuts deletes what was to be remembered until now or earlier.
	ForgetSignOuts(ctx context.Context) error
}

// Options is what a List is made of. Fields without a remark are required.
type Options struct {
	Store Store
	// Conn spreads news. Optional: without it they take up to [follow.Interval].
	Conn *nats.Conn
	Log  *slog.Logger

	// Keep is how long to remember a session at least: the longest life of what was made
	// with it, for that may outlive it.
	Keep time.Duration

	// Ended is told of sessions that were ended, once each, whoever ended them and wherever,
	// after the list has them. It does not block. Optional.
	Ended func(sessions []string)
}

// List holds the sessions that were ended and would be good otherwise. Its methods may be
// called from any goroutine.
type List struct {
	Options
	copy *follow.Copy

	mu    sync.RWMutex
	until map[string]time.Time // session, and when its tokens have expired by themselves
}

// New returns an empty List, which learns of others' doings by Load and Run.
func New(o Options) *List {
	l := &List{Options: o, until: map[string]time.Time{}}
	l.copy = follow.New(follow.Options{
		Conn: o.Conn, Subject: subject, Log: o.Log, Revision: o.Store.SignOutRevision, Read: l.read,
	})
	return l
}

// Has reports whether a session was ended; "" never was. It does not block.
func (l *List) Has(session string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, has := l.until[session]
	return has
}

// End ends a session that would be good until expires. When it returns nil this node has it on
// its list, it is on record, and the other nodes are being told. When it fails nothing has
// changed, except that the answer of a database may have been lost.
func (l *List) End(ctx context.Context, session string, expires time.Time) error {
	if l.Has(session) {
		return nil
	}
	now := time.Now()
	until := now.Add(min(max(expires.Sub(now), l.Keep), longest))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // also for who does not wait
	defer cancel()
	revision, err := l.Store.SignOut(ctx, session, until)
	if err != nil {
		return err
	}
	l.copy.Tell(revision)
	l.add(map[string]time.Time{session: until})
	return nil
}

// Load reads what is on record now. When it fails the list stays as it is, and Run tries again.
func (l *List) Load(ctx context.Context) error { return l.copy.Load(ctx) }

// Run keeps the list up to date and forgets what has expired, until ctx ends. It fails only
// when the connection to NATS was closed before.
func (l *List) Run(ctx context.Context) error {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sweeping.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			l.Sweep(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return l.copy.Run(ctx)
}

// Sweep forgets what has expired by itself. Run does so every hour.
func (l *List) Sweep(ctx context.Context) {
	now := time.Now()
	l.mu.Lock()
	maps.DeleteFunc(l.until, func(_ string, until time.Time) bool { return until.Before(now) })
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.Store.ForgetSignOuts(ctx); err != nil && ctx.Err() == nil {
		l.Log.Warn("sessions that have expired are still on record", observe.KeyErr, err)
	}
}

// read adds what others have ended since the revision known.
func (l *List) read(ctx context.Context, known int64) (int64, error) {
	revision, news, err := l.Store.SignOuts(ctx, known)
	if err == nil && revision < known { // the database was put back to an older state
		revision, news, err = l.Store.SignOuts(ctx, -1)
	}
	if err != nil {
		return 0, err
	}
	l.add(news)
	return revision, nil
}

// add puts sessions on the list, and tells of those that were not on it.
func (l *List) add(sessions map[string]time.Time) {
	l.mu.Lock()
	for id, until := range sessions {
		if _, has := l.until[id]; has {
			delete(sessions, id)
		} else {
			l.until[id] = until
		}
	}
	l.mu.Unlock()
	if len(sessions) > 0 && l.Ended != nil {
		l.Ended(slices.Sorted(maps.Keys(sessions)))
	}
}
