// Package flagfeed brings what admins set to every node, while it runs, as package follow
// does: the values, and a revision that grows with every change, are in PostgreSQL.
package flagfeed

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go"

	"parley/api/flags"
	"parley/api/follow"
	"parley/api/observe"
)

// subject carries revisions.
const subject = "parley.flags"

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
	copy *follow.Copy
}

// New returns a Feed, which does nothing until Load or Run.
func New(o Options) *Feed {
	f := &Feed{Options: o}
	f.copy = follow.New(follow.Options{Conn: o.Conn, Subject: subject, Log: o.Log, Revision: o.Store.FlagRevision, Read: f.read})
	return f
}

// Load brings the registry up to date now. When it fails the registry stays as it is, and Run
// tries again.
func (f *Feed) Load(ctx context.Context) error { return f.copy.Load(ctx) }

// Revision returns the revision of what the registry holds, -1 before the first.
func (f *Feed) Revision() int64 { return f.copy.Known() }

// Run keeps the registry up to date until ctx ends. It fails only when the connection to NATS
// was closed before.
func (f *Feed) Run(ctx context.Context) error { return f.copy.Run(ctx) }

func (f *Feed) read(ctx context.Context, known int64) (int64, error) {
	revision, all, err := f.Store.Flags(ctx)
	if err != nil || revision == known {
		return revision, err
	}
	if err := f.Registry.Replace(all); err != nil {
		f.Log.Warn("not every flag in the database means something to this version", observe.KeyErr, err)
	}
	f.Log.Info("flags read", "revision", revision, "set", len(all))
	return revision, nil
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
	f.copy.Tell(change.Revision)
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
