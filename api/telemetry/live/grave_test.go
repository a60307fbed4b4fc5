package live_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"parley/api/telemetry"
)

// gate is a store that takes nothing while it is locked.
type gate struct {
	telemetry.Store
	*sync.RWMutex
}

func (g gate) Write(ctx context.Context, b *telemetry.Batch) error {
	g.RLock()
	defer g.RUnlock()
	return g.Store.Write(ctx, b)
}

// What a node that dies has put into files and not stored comes once another has stored it, also
// to who goes on from a cursor of the time between.
func TestWhatAKilledNodeLeftComesLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	var shut sync.RWMutex
	a, b := w.start(), w.startAt(w.nats, func(o *telemetry.Options) {
		o.Store, o.SpillDir = gate{o.Store, &shut}, dir
	})
	w.meet(a, b)
	filter := telemetry.Filter{Source: "x"}
	books := w.books()
	s := a.look(filter, nil)
	feed := b.begin("x")
	run(feed, kindPlain, 0, 10)
	books.read(s, map[telemetry.Feed]uint64{feed: 10})

	b.hush() // as if it died, when some events were stored and others not
	run(feed, kindPlain, 10, 5)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.engine.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	shut.Lock()
	t.Cleanup(shut.Unlock)
	run(feed, kindPlain, 15, 10)
	left := filepath.Join(t.TempDir(), "left")
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	between := books.read(s, map[telemetry.Feed]uint64{feed: 15})

	c := w.startAt(w.nats, func(o *telemetry.Options) { o.SpillDir = left })
	books.read(s, map[telemetry.Feed]uint64{feed: 25})
	s.Close() // which waits until the grave is closed
	after := s.Cursor()
	again := w.books()
	again.next[feed.ID()] = 10 // what came when it was dead already comes again
	again.read(c.look(filter, &between), map[telemetry.Feed]uint64{feed: 25})

	other := c.begin("x")
	run(other, kindPlain, 0, 10)
	books.read(c.look(filter, &after), map[telemetry.Feed]uint64{other: 10})
}
