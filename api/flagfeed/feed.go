// Package flagfeed brings what admins set to every node, while it runs.
//
// The truth is in PostgreSQL: values, and a revision that grows with every change. A node that
// changes something stores it, reads everything anew, and publishes the revision on NATS; the
// others, which hear a number they do not have, read everything anew. That takes milliseconds.
//
// Beside that every node asks for the revision twice a second, so a change arrives within
// [Interval] and the time of two queries when NATS is down, when a message was lost, and when
// whoever made the change has no NATS at all, like the command line. NOTIFY of PostgreSQL
// would be faster than asking, but takes a connection per node that stays open, does not pass
// poolers, and misses what happens while it is not connected: asking would still be needed.
// What it costs is the primary key look-up in a table of one row.
//
// While the database is out of reach every node goes on with the values it had last.
package flagfeed

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/flags"
	"parley/api/observe"
)

const (
	// Interval is how often a node asks the database for the revision.
	Interval = 500 * time.Millisecond

	// subject carries revisions, as decimal numbers.
	subject = "parley.flags"

	// patience bounds one reading of the database.
	patience = 2 * time.Second
)

// Store keeps what admins set. Its methods block until it answers or ctx ends.
type Store interface {
	// FlagRevision returns a number that is another one after each change.
	FlagRevision(ctx context.Context) (int64, error)

	// Flags returns everything that is set, and as of which revision.
	Flags(ctx context.Context) (int64, []flags.Assignment, error)

	// ChangeFlag carries o out and records it, or neither. It returns nil when o changes
	// nothing.
	ChangeFlag(ctx context.Context, o flags.Order) (*flags.Change, error)

	// FlagChanges returns the record of one flag, or of all when flag is "".
	FlagChanges(ctx context.Context, flag string, limit, offset int) (flags.Log, error)
}

// Options is what a Feed connects. All are required.
type Options struct {
	Store    Store
	Registry *flags.Registry
	Conn     *nats.Conn
	Log      *slog.Logger
}

// Feed keeps the registry of one node up to date. Its methods may be called from any
// goroutine.
type Feed struct {
	Options
	known atomic.Int64  // revision of what the registry holds; -1 before the first
	news  chan struct{} // holds a token when somebody has another revision
	turn  chan struct{} // held while the registry is brought up to date: older answers must not win
}

// New returns a Feed, which does nothing until Load or Run.
func New(o Options) *Feed {
	f := &Feed{Options: o, news: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	f.known.Store(-1)
	return f
}

// Load brings the registry up to date now. When it fails the registry stays as it is, and Run
// tries again.
func (f *Feed) Load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	revision, all, err := f.Store.Flags(ctx)
	if err != nil {
		return err
	}
	if f.known.Load() == revision {
		return nil
	}
	if err := f.Registry.Replace(all); err != nil {
		f.Log.Warn("not every flag in the database means something to this version", observe.KeyErr, err)
	}
	f.known.Store(revision)
	f.Log.Info("flags read", "revision", revision, "set", len(all))
	return nil
}

// Revision returns the revision of what the registry holds, -1 before the first.
func (f *Feed) Revision() int64 { return f.known.Load() }

// Run keeps the registry up to date until ctx ends. It fails only when the connection to NATS
// was closed before.
func (f *Feed) Run(ctx context.Context) error {
	sub, err := f.Conn.Subscribe(subject, f.hear)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	ask := time.NewTicker(Interval)
	defer ask.Stop()
	down := false // the last reading failed
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.news:
			err = f.Load(ctx)
		case <-ask.C:
			err = f.ask(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil && !down:
			down = true
			f.Log.Warn("flags stay as they are: the database is out of reach", observe.KeyErr, err)
		case err == nil && down:
			down = false
			f.Log.Info("flags are up to date again", "revision", f.known.Load())
		}
	}
}

// hear takes a revision that another node published.
func (f *Feed) hear(m *nats.Msg) {
	revision, err := strconv.ParseInt(string(m.Data), 10, 64)
	if err != nil || revision == f.known.Load() {
		return
	}
	select {
	case f.news <- struct{}{}:
	default: // somebody said so already
	}
}

// ask loads if there is anything new. A database that was put back to an older state counts.
func (f *Feed) ask(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	revision, err := f.Store.FlagRevision(bounded)
	if err != nil || revision == f.known.Load() {
		return err
	}
	return f.Load(ctx)
}

// Apply carries an order out. When it returns this node has the new value and the others are
// being told. The result is nil when nothing had to change. It fails as [Check] does, or with
// the error of the store, and then nothing is changed anywhere.
func (f *Feed) Apply(ctx context.Context, o flags.Order) (*flags.Change, error) {
	o, err := Check(o)
	if err != nil {
		return nil, err
	}
	change, err := f.Store.ChangeFlag(ctx, o)
	if err != nil || change == nil {
		return nil, err
	}
	if err := f.Conn.Publish(subject, strconv.AppendInt(nil, change.Revision, 10)); err != nil {
		f.Log.Warn("other nodes learn of a flag by asking", observe.KeyErr, err)
	}
	// It is on record from here on, so this only delays it.
	if err := f.Load(ctx); err != nil {
		f.Log.Warn("flag changed, but not read back yet", "flag", o.Flag, observe.KeyErr, err)
	}
	f.Log.Info("flag changed", "flag", change.Flag, observe.KeyRoom, change.Room, "by", change.By, "revision", change.Revision)
	return change, nil
}

// Changes returns the record of one flag, or of all when flag is "".
func (f *Feed) Changes(ctx context.Context, flag string, limit, offset int) (flags.Log, error) {
	return f.Store.FlagChanges(ctx, flag, limit, offset)
}
