package telemetry

import (
	"slices"
	"sync"
	"time"
)

const (
	// blockSize is how many bytes bodies of one block of rows have at most, unless one alone
	// has more.
	blockSize = 256 << 10

	// writeBlocks is how many blocks are written at once when the store is behind.
	writeBlocks = 10

	// rowSize is about what a row needs in memory beside its body.
	rowSize = 160

	// Samples are refused when the queue is fuller than four fifths, and what is between them
	// and begins, ends and failures when it is fuller than nine tenths.
	samplesShare, metaShare = 0.8, 0.9
)

// shard is the queue of some sources and what writes it. All of one source go through one
// shard, so their order stays.
type shard struct {
	engine  *Engine
	spill   *spill // nil without
	replays bool   // what an earlier process left

	some  chan struct{} // there is something to write
	hurry chan struct{} // and it should be soon

	mu      sync.Mutex
	blocks  []*block // the last one is being filled
	changes []Session
	gaps    []*gap
	feeds   map[SessionID]*feed
	tokens  []*token
	counts  *counts
	entered uint64   // rows ever put
	counted uint64   // of those, that are in roll-ups of the store
	stored  uint64   // and that are in the store or in quarantine
	seen    uint64   // and that there were when files were last looked at to be synced
	fresh   int      // rows put since the last batch was taken
	samples []Sample // of one event, used again

	// Used by the writer alone.
	poison  error // what went into quarantine since somebody was told
	backoff time.Duration
}

// block is some rows and the array in which their bodies are, which never moves.
type block struct {
	rows  []Row
	bytes []byte
}

func newShard(e *Engine, writer int64) *shard {
	return &shard{
		engine: e, some: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		feeds: make(map[SessionID]*feed), counts: newCounts(writer),
	}
}

// wake tells the writer that there is something. It is called with the lock held.
func (s *shard) wake(hurry bool) {
	select {
	case s.some <- struct{}{}:
	default:
	}
	if hurry {
		select {
		case s.hurry <- struct{}{}:
		default:
		}
	}
}

func (s *shard) begin(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds[f.id] = f
	s.change(f.session())
}

func (s *shard) end(f *feed, reason string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	f.opened = openings{}
	delete(s.feeds, f.id)
	s.engine.sessions.Add(-1)
	session := f.session()
	session.Ended, session.Reason = now, reason
	s.change(session)
}

// change has sessions written at once.
func (s *shard) change(session Session) {
	if s.spill != nil {
		s.spill.session(session)
	}
	s.engine.waitingBytes.Add(int64(session.size()))
	s.changes = append(s.changes, session)
	s.wake(true)
}

// hasRoom reports whether one more event may wait.
func (s *shard) hasRoom(c Class, body int) bool {
	share := 1.0
	switch c {
	case Samples:
		share = samplesShare
	case Meta:
		share = metaShare
	}
	e := s.engine
	return float64(e.waiting.Load()) < share*float64(e.MaxEvents) &&
		float64(e.waitingBytes.Load()+int64(rowSize+body)) <= share*float64(e.MaxBytes)
}

// put copies r to the end of the queue, and shows it.
func (s *shard) put(f *feed, r *Record, kind Kind, dimension string, samples []Sample) {
	need := len(r.Raw) + len(r.Hot.Subject)
	var b *block
	if n := len(s.blocks); n > 0 {
		b = s.blocks[n-1]
	}
	if b == nil || len(b.rows) == batchEvents || len(b.bytes)+need > cap(b.bytes) {
		b = s.grow(b, need)
	}
	row := Row{
		Session: f.id, Seq: r.Seq, Received: r.Received.UnixMicro(), At: r.At.UnixMicro(),
		Link: r.Link, Number: r.Hot.Number.Value, Index: r.Hot.Index.Value,
		Catalogue: f.source.Catalogue, Kind: r.Kind, Class: kind.Class,
	}
	if r.Linked {
		row.Has |= HasLink
	}
	if r.Hot.Number.Known {
		row.Has |= HasNumber
	}
	if r.Hot.Index.Known {
		row.Has |= HasIndex
	}
	if r.Counted {
		row.Has |= Counted
	}
	row.Body = b.keep(r.Raw)
	if r.Hot.Subject != nil {
		row.Subject = b.keep(r.Hot.Subject)
	}
	s.engine.hub.publish(&row, kind, &f.source)
	if s.spill != nil {
		s.spill.row(f, &row, dimension, samples)
	}
	b.rows = append(b.rows, row)
	s.entered++
	s.fresh++
	s.engine.waiting.Add(1)
	s.engine.waitingBytes.Add(int64(row.size()))
	s.wake(s.fresh == batchEvents)
}

// grow starts a block of about the size of the last, so that few events need little: larger
// when that was full of bytes, hardly so when it was full of rows. The first is small: where little
// happens a block has one event, for which all of it is kept as long as the hub remembers that.
func (s *shard) grow(last *block, need int) *block {
	size, rows := 512, 0
	if last != nil {
		if rows = len(last.rows); rows < batchEvents {
			size = 4 * len(last.bytes)
		} else {
			size = len(last.bytes) + len(last.bytes)/4
		}
	}
	b := &block{bytes: make([]byte, 0, max(min(size, blockSize), need)), rows: make([]Row, 0, rows)}
	s.blocks = append(s.blocks, b)
	return b
}

// keep appends p, for which there is room, and returns where it is.
func (b *block) keep(p []byte) []byte {
	from := len(b.bytes)
	b.bytes = append(b.bytes, p...)
	return b.bytes[from:len(b.bytes):len(b.bytes)]
}

// size is what the row counts for in the bound of the queue.
func (r *Row) size() int { return rowSize + len(r.Body) + len(r.Subject) }

// taken is a batch and what has to be done once it is written.
type taken struct {
	Batch
	blocks []*block
}

// take removes from the queue what is to be written next; nothing is a batch as well, for
// those who wait for a barrier.
func (s *shard) take() *taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.blocks), writeBlocks)
	t := &taken{blocks: append([]*block(nil), s.blocks[:n]...)}
	s.blocks = slices.Delete(s.blocks, 0, n) // which keeps none of them in memory
	s.fresh = 0
	t.Sessions, s.changes = s.changes, nil
	for _, g := range s.gaps {
		g.dirty = false
		t.Losses = append(t.Losses, g.Entry)
	}
	s.gaps = nil
	for _, k := range s.tokens {
		k.taken = true
	}
	if s.spill != nil {
		s.spill.turn()
	}
	return t
}

// written notes that the batch that was taken last is stored, and how many rows were in it.
func (s *shard) written(rows uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored += rows
	if s.spill != nil {
		s.spill.settle()
	}
	s.forget()
}

// countedTo notes that so many rows are in roll-ups of the store.
func (s *shard) countedTo(rows uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted = max(s.counted, rows)
	s.forget()
}

// forget removes what was spilled of rows that are both.
func (s *shard) forget() {
	if s.spill != nil {
		s.spill.forget(min(s.stored, s.counted))
	}
}

// sync brings what was spilled to the disk when some of it has waited to be stored since the
// last call.
func (s *shard) sync() error {
	s.mu.Lock()
	late := s.seen > s.stored
	s.seen = s.entered
	if !late || s.spill == nil {
		s.mu.Unlock()
		return nil
	}
	names, number := s.spill.unsynced(), s.spill.number
	s.mu.Unlock()
	if err := syncFiles(names); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spill.synced = max(s.spill.synced, number)
	return nil
}

// idle reports whether there is nothing to write and nobody waits.
func (s *shard) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.blocks) == 0 && len(s.changes) == 0 && len(s.gaps) == 0 && len(s.tokens) == 0
}

// barrier puts a token behind everything that is in the queue.
func (s *shard) barrier() *token {
	t := &token{done: make(chan error, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.at = s.entered
	s.tokens = append(s.tokens, t)
	s.wake(true)
	return t
}

// pass answers the tokens of which everything before is stored.
func (s *shard) pass() {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.tokens[:0]
	for _, t := range s.tokens {
		if t.taken && t.at <= s.stored {
			t.answer(s.poison)
			s.poison = nil
			continue
		}
		waiting = append(waiting, t)
	}
	s.tokens = waiting
}

// try notes that an attempt begins: its failure is news for who waits by now, and not for
// who comes later.
func (s *shard) try() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		t.tried = true
	}
}

// refuse answers the tokens of the failed attempt, or all when there will be no other.
func (s *shard) refuse(err error, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.tokens[:0]
	for _, t := range s.tokens {
		if all || t.tried {
			t.answer(err)
			continue
		}
		waiting = append(waiting, t)
	}
	s.tokens = waiting
}

// pulses appends what there is to say of open sessions: of all, or of those to which events
// came since.
func (s *shard) pulses(to []Pulse, all bool) []Pulse {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, f := range s.feeds {
		if all || f.events != f.told {
			to = append(to, Pulse{id, f.events})
			f.told = f.events
		}
	}
	return to
}

// rollups returns what was counted and not collected, and up to where.
func (s *shard) rollups() ([]Rollup, Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts.collect(), Mark{s.counts.writer, s.entered}
}

// again takes roll-ups back that could not be written.
func (s *shard) again(cells []Rollup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(cells, s.counts.closing...)
	s.counts.closing = all[max(0, len(all)-10*maxCells):] // of a long outage the end
}
