package telemetry

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// spilling returns a shard that spills to a directory and has no store, and a feed into it.
func spilling(t testing.TB) (*shard, *feed) {
	t.Helper()
	e := &Engine{Options: Options{MaxEvents: DefaultMaxEvents, MaxBytes: DefaultMaxBytes}, hub: newHub(1)}
	s := newShard(e, 7)
	s.spill = newSpill(t.TempDir(), "test", 7, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() { s.spill.end(true) })
	f := &feed{id: 1, engine: e, shard: s, catalogue: nil, source: Source{Catalogue: "plain", Identity: "x"}}
	return s, f
}

func (s *shard) fill(f *feed, n int, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		f.events++
		s.put(f, &Record{Seq: f.events, Received: time.Now(), Raw: body}, Kind{Class: Meta}, "", nil)
	}
}

func TestWhatWaitsIsBroughtToTheDisk(t *testing.T) {
	s, f := spilling(t)
	s.fill(f, 3, []byte("x"))
	for i, want := range []int{0, 1, 1} {
		if err := s.sync(); err != nil || s.spill.synced != want {
			t.Errorf("after look %d file %d is next, %v", i, s.spill.synced, err)
		}
	}
	s.written(3)
	s.countedTo(3)
	s.fill(f, 5000, make([]byte, 2000)) // several files
	if err := s.sync(); err != nil || s.spill.synced != 1 {
		t.Errorf("what came since the last look: file %d is next, %v", s.spill.synced, err)
	}
	if names := s.spill.unsynced(); len(names) != s.spill.number {
		t.Errorf("%d files are not on the disk", len(names))
	}
	if err := s.sync(); err != nil || s.spill.synced != s.spill.number || len(s.spill.unsynced()) != 1 {
		t.Errorf("file %d is next of %d, %v", s.spill.synced, s.spill.number, err)
	}
}

// A process may die while an entry is written in the place of another.
func TestEntriesAfterATornOneAreRead(t *testing.T) {
	s, f := spilling(t)
	s.mu.Lock()
	f.lose(Loss{RateLimited, 1, 1, 1}, time.Now())
	torn := f.ledger.open[RateLimited].at
	for n := range uint64(3) {
		f.lose(Loss{RateLimited, 2 + n, 2 + n, 1}, time.Now())
	}
	if at := f.ledger.open[RateLimited].at; at != torn {
		t.Errorf("it grew from %d to %d", torn, at)
	}
	s.mu.Unlock()
	s.fill(f, 1, []byte("the last"))
	s.spill.memory[torn+spillHead+20]++
	in := bytes.NewReader(s.spill.memory)
	for i, want := range []struct {
		kind byte
		err  error
	}{{spilledHead, nil}, {0, errTorn}, {spilledLoss, nil}, {spilledSource, nil}, {spilledRow, nil}, {0, io.EOF}} {
		b, err := next(in)
		if !errors.Is(err, want.err) || want.err == nil && b[0] != want.kind {
			t.Errorf("entry %d: %q, %v", i, b, err)
		}
		if want.kind == spilledLoss && err == nil { // that of the loss before the last
			if l, events := (&entry{b: b[1:]}).loss(); l.Count != 3 || l.Last != 3 || events != 0 {
				t.Errorf("%+v, %d events", l, events)
			}
		}
	}
}

func FuzzSpilled(f *testing.F) {
	s, sender := spilling(f)
	s.fill(sender, 2, []byte("body"))
	s.mu.Lock()
	sender.lose(Loss{RateLimited, 2, 2, 1}, time.Now())
	s.mu.Unlock()
	f.Add(s.spill.memory[:s.spill.size+100])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &remains{feeds: map[SessionID]*feed{}, open: map[SessionID]uint64{}, lost: map[lostPlace]uint64{}, counts: newCounts(1)}
		in := bytes.NewReader(b)
		for {
			entry, err := next(in)
			if errors.Is(err, errTorn) {
				continue
			}
			if err != nil {
				return
			}
			var rows []Row
			_ = r.restore(entry, &taken{}, &rows)
		}
	})
}

// BenchmarkSync measures what it takes to bring a second of 100,000 events to the disk.
func BenchmarkSync(b *testing.B) {
	s, f := spilling(b)
	for b.Loop() {
		b.StopTimer()
		s.written(s.entered - s.stored)
		s.countedTo(s.entered)
		s.mu.Lock()
		s.blocks = nil
		s.engine.waiting.Store(0)
		s.engine.waitingBytes.Store(0)
		s.mu.Unlock()
		s.fill(f, 100_000, make([]byte, 60))
		s.seen = s.entered
		b.StartTimer()
		if err := s.sync(); err != nil {
			b.Fatal(err)
		}
	}
	files, _ := filepath.Glob(s.spill.prefix + "*")
	size := int64(0)
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	b.ReportMetric(float64(size)/float64(1<<20), "MiB")
}

// Nothing of a file is forgotten before the losses in it are stored, though all its events are.
func TestFilesStayUntilTheirLossesAreStored(t *testing.T) {
	s, f := spilling(t)
	s.fill(f, 5000, make([]byte, 800))
	s.take()
	s.written(5000)
	s.mu.Lock()
	f.lose(Loss{RateLimited, 5001, 5001, 1}, time.Now())
	s.spill.close()
	s.mu.Unlock()
	s.countedTo(5000)
	if len(s.spill.sealed) != 1 {
		t.Fatalf("%d files while there is a loss that nobody took", len(s.spill.sealed))
	}
	s.take()
	s.countedTo(5000)
	if len(s.spill.sealed) != 1 {
		t.Fatal("the file is gone while its loss is being stored")
	}
	if s.written(0); len(s.spill.sealed) != 0 {
		t.Errorf("%d files stay", len(s.spill.sealed))
	}
}
