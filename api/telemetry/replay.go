package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// diedReason is why sessions ended that had not when the process did.
const diedReason = "the process of the server died"

// replay stores what an engine before this one had spilled and not stored, and counts what
// it had not counted.
type replay struct {
	files []string
	done  chan struct{} // closed when nothing is left
}

// open makes the directory and looks for files in it.
func (r *replay) open(dir string) (err error) {
	r.done = make(chan struct{})
	if dir != "" {
		if err = os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		r.files, err = filepath.Glob(filepath.Join(dir, "*"+spillSuffix))
		slices.Sort(r.files)
	}
	if len(r.files) == 0 {
		close(r.done)
	}
	return err
}

// wait returns nil once everything was stored.
func (r *replay) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("store what an earlier process left: %w", ctx.Err())
	}
}

// run stores the files writer by writer, however long that takes; what is left when ctx ends
// stays for the next time. All of it may be done several times.
func (r *replay) run(ctx context.Context, e *Engine) {
	if len(r.files) == 0 {
		return
	}
	left := &remains{engine: e, shard: newShard(e, 0), open: map[SessionID]uint64{}, lost: map[lostPlace]uint64{}}
	left.shard.replays = true
	for rest := r.files; len(rest) > 0; {
		var err error
		if rest, err = left.store(ctx, rest); err != nil {
			if ctx.Err() != nil {
				return
			}
			e.Log.Warn("what an earlier process left is not stored, trying again", "err", err)
			pause(ctx, lastBackoff, nil)
		}
	}
	for {
		err := left.end(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		e.Log.Warn("what an earlier process left is not ended, trying again", "err", err)
		pause(ctx, lastBackoff, nil)
	}
	for _, name := range r.files {
		if err := os.Remove(name); err != nil {
			e.Log.Warn("a file of telemetry that is stored stays", "err", err)
		}
	}
	close(r.done)
}

// remains is what an engine left.
type remains struct {
	engine *Engine
	shard  *shard
	open   map[SessionID]uint64 // sessions of which no end is known, and how many events came
	lost   map[lostPlace]uint64 // how many, by entry of the ledger
	last   int64                // when something came last

	// Of one writer:
	writer int64
	rows   uint64 // that it had been given before what comes next
	counts *counts
	from   uint64              // rows of it that are counted
	feeds  map[SessionID]*feed // of one file
}

// lostPlace is an entry of the ledger.
type lostPlace struct {
	session SessionID
	number  int64
}

func (r *remains) pulses() (all []Pulse) {
	for _, id := range slices.Sorted(maps.Keys(r.open)) {
		all = append(all, Pulse{id, r.open[id]})
	}
	return all
}

// end ends sessions of which no end is known, and says that nothing more comes of the engines
// that had them.
func (r *remains) end(ctx context.Context) error {
	if len(r.open) > 0 {
		if err := r.engine.Store.Died(ctx, r.pulses(), time.UnixMicro(r.last), diedReason); err != nil {
			return err
		}
	}
	return r.engine.Store.Finish(ctx, enginesOf(r.engine.replay.files))
}

// store stores the files of one writer, which are together, and returns the others. When it
// fails it returns all, to begin again.
func (r *remains) store(ctx context.Context, files []string) ([]string, error) {
	r.writer, r.rows, r.counts = 0, 0, nil
	for i, name := range files {
		events, again, err := r.file(ctx, name)
		switch {
		case again:
			if err := r.count(ctx); err != nil {
				return files, err
			}
			return files[i:], nil
		case ctx.Err() != nil:
			return files, ctx.Err()
		case err != nil && !errors.Is(err, errSpilled) && !errors.Is(err, io.ErrUnexpectedEOF):
			return files, err
		}
		r.engine.Log.Info("stored what an earlier process left", "events", events, "file", filepath.Base(name), "err", err)
	}
	return nil, r.count(ctx)
}

// count enters the rows of a writer that it had not counted itself into roll-ups.
func (r *remains) count(ctx context.Context) error {
	if r.counts == nil || r.rows <= r.from {
		return nil
	}
	return r.engine.Store.RecoverRollups(ctx, r.counts.collect(), Mark{r.writer, r.from}, Mark{r.writer, r.rows})
}

// file stores one file and returns the number of events in it. It does nothing but say so
// when the file is of another writer than the one before. Where an entry is damaged the rest
// is left out, as the end of a file whose writer died may be.
func (r *remains) file(ctx context.Context, name string) (events int, another bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, false, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	head, err := next(in)
	if err != nil || head[0] != spilledHead {
		return 0, false, nil // the process died when it had just made it
	}
	if another, err = r.begin(ctx, &entry{b: head[1:]}); another || err != nil {
		return 0, another, err
	}
	for ctx.Err() == nil {
		t, rows := &taken{}, []Row{}
		for len(rows) < batchEvents && len(t.Sessions)+len(t.Losses) < batchEvents && err == nil {
			var b []byte
			if b, err = next(in); err == nil {
				err = r.restore(b, t, &rows)
			}
			if errors.Is(err, errTorn) {
				err = nil // of the ledger, where a process dies while an entry grows
			}
		}
		events += len(rows)
		t.blocks = []*block{{rows: rows}}
		for i := range rows {
			r.engine.waiting.Add(1)
			r.engine.waitingBytes.Add(int64(rows[i].size()))
		}
		for i := range t.Sessions {
			r.engine.waitingBytes.Add(int64(t.Sessions[i].size()))
		}
		r.shard.work(ctx, t)
		if err == io.EOF {
			return events, false, nil
		}
		if err != nil {
			return events, false, err
		}
	}
	return events, false, ctx.Err()
}

// begin goes on with a file by its head.
func (r *remains) begin(ctx context.Context, e *entry) (another bool, err error) {
	writer, rows := int64(e.fixed()), e.varint()
	if e.bad {
		return false, errSpilled
	}
	if r.counts != nil && writer != r.writer {
		return true, nil
	}
	r.feeds = map[SessionID]*feed{}
	if r.counts == nil {
		if r.from, err = r.engine.Store.Counted(ctx, writer); err != nil {
			return false, err
		}
		r.writer, r.counts = writer, newCounts(random()) // added to what the writer has counted
	}
	r.rows = rows
	return false, nil
}

// restore adds an entry to a batch, and counts it when that was not done.
func (r *remains) restore(b []byte, t *taken, rows *[]Row) error {
	e := &entry{b: b[1:]}
	switch b[0] {
	case spilledSession:
		v, err := e.session()
		if err != nil {
			return fmt.Errorf("%w: %w", errSpilled, err)
		}
		if r.last = max(r.last, v.Began.UnixMicro()); v.Ended.IsZero() {
			r.open[v.ID] = max(r.open[v.ID], v.Events)
		} else {
			r.last = max(r.last, v.Ended.UnixMicro())
			delete(r.open, v.ID)
		}
		t.Sessions = append(t.Sessions, v)
	case spilledSource:
		id, source := e.source()
		r.feeds[id] = &feed{id: id, source: source}
	case spilledLoss:
		l, events := e.loss()
		if e.bad {
			break
		}
		r.last = max(r.last, l.Noted.UnixMicro())
		r.open[l.Session] = max(r.open[l.Session], events)
		// The older of two that were written in turns may come last.
		if at := (lostPlace{l.Session, l.Number}); l.Count >= r.lost[at] {
			r.lost[at] = l.Count
			t.Losses = append(t.Losses, l)
		}
	case spilledRow:
		row, how := e.row()
		if e.bad {
			break
		}
		r.rows++
		r.last = max(r.last, row.Received)
		r.open[row.Session] = max(r.open[row.Session], how.events)
		if f := r.feeds[row.Session]; f != nil && r.rows > r.from {
			f.count(r.counts, row.Received, row.Kind, how.dimension, how.samples)
		}
		*rows = append(*rows, row)
	default:
		return errSpilled
	}
	if e.bad {
		return errSpilled
	}
	return nil
}
