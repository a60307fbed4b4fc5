// Package follow keeps what a node holds of the database in memory up to date, while it runs.
//
// The truth is in PostgreSQL, together with a revision that grows with every change. A node
// that changes something stores it, brings its copy up to date, and publishes the revision on
// NATS; the others, which hear a number they do not have, read what is new. That takes
// milliseconds.
//
// Beside that every node asks for the revision twice a second, so a change arrives within
// [Interval] and the time of two queries when NATS is down, when a message was lost, and when
// whoever made the change has no NATS at all, like the command line. NOTIFY of PostgreSQL
// would be faster than asking, but takes a connection per node that stays open, does not pass
// poolers, and misses what happens while it is not connected: asking would still be needed.
// What it costs is the primary key look-up in a table of one row.
//
// While the database is out of reach every node goes on with the copy it had last.
package follow

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/observe"
)

const (
	// Interval is how often a node asks the database for the revision.
	Interval = 500 * time.Millisecond

	// patience bounds one reading of the database.
	patience = 2 * time.Second
)

// Options is what a Copy is made of. Fields without a remark are required.
type Options struct {
	// Conn brings news of other nodes and carries it to them. Optional: then changes of
	// others are found by asking.
	Conn *nats.Conn
	// Subject carries revisions, as decimal numbers.
	Subject string
	Log     *slog.Logger

	// Revision returns a number that is another one after each change. It is cheap, and
	// blocks until the database answers or ctx ends.
	Revision func(ctx context.Context) (int64, error)

	// Read brings the copy from the revision known, -1 before the first, to the one that it
	// returns. It is called by one goroutine at a time. When it fails the copy stays as it is.
	Read func(ctx context.Context, known int64) (int64, error)
}

// Copy keeps the copy of one node up to date. Its methods may be called from any goroutine.
type Copy struct {
	Options
	known atomic.Int64  // revision of the copy; -1 before the first
	news  chan struct{} // holds a token when somebody has another revision
	turn  chan struct{} // held while the copy is brought up to date: older answers must not win
}

// New returns a Copy, which does nothing until Load or Run.
func New(o Options) *Copy {
	c := &Copy{Options: o, news: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	c.known.Store(-1)
	return c
}

// Known returns the revision of the copy, -1 before the first.
func (c *Copy) Known() int64 { return c.known.Load() }

// Load brings the copy up to date now. When it fails the copy stays as it is, and Run tries
// again.
func (c *Copy) Load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	revision, err := c.Read(ctx, c.known.Load())
	if err != nil {
		return err
	}
	c.known.Store(revision)
	return nil
}

// Tell tells the other nodes of a revision. It does not block.
func (c *Copy) Tell(revision int64) {
	if c.Conn == nil {
		return
	}
	if err := c.Conn.Publish(c.Subject, strconv.AppendInt(nil, revision, 10)); err != nil {
		c.Log.Warn("other nodes learn of a change by asking", observe.KeyErr, err)
	}
}

// Run keeps the copy up to date until ctx ends. It fails only when the connection to NATS was
// closed before.
func (c *Copy) Run(ctx context.Context) error {
	if c.Conn != nil {
		sub, err := c.Conn.Subscribe(c.Subject, c.hear)
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	down := false // the last reading failed
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-c.news:
			err = c.Load(ctx)
		case <-tick.C:
			err = c.ask(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil && !down:
			down = true
			c.Log.Warn("everything stays as it is: the database is out of reach", observe.KeyErr, err)
		case err == nil && down:
			down = false
			c.Log.Info("up to date again", "revision", c.known.Load())
		}
	}
}

// hear takes a revision that another node published.
func (c *Copy) hear(m *nats.Msg) {
	revision, err := strconv.ParseInt(string(m.Data), 10, 64)
	if err != nil || revision == c.known.Load() {
		return
	}
	select {
	case c.news <- struct{}{}:
	default: // somebody said so already
	}
}

// ask loads if there is anything new. A database that was put back to an older state counts.
func (c *Copy) ask(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	revision, err := c.Revision(bounded)
	if err != nil || revision == c.known.Load() {
		return err
	}
	return c.Load(ctx)
}
