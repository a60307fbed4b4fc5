package telemetry

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxSpilled is the longest entry.
const maxSpilled = MaxRaw + 2*MaxLabels*2*MaxLabel + 1<<16

// replay stores what an engine before this one had spilled and not stored.
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

// run stores the files one by one, however long that takes; what is left when ctx ends stays
// for the next time.
func (r *replay) run(ctx context.Context, e *Engine) {
	if len(r.files) == 0 {
		return
	}
	s := newShard(e, 0)
	s.replays = true
	open := map[SessionID]Session{}
	for _, name := range r.files {
		n, err := r.read(ctx, s, name, open)
		if ctx.Err() != nil {
			return
		}
		e.Log.Info("stored what an earlier process left", "events", n, "file", filepath.Base(name), "err", err)
	}
	t := &taken{}
	for _, session := range open {
		session.Ended, session.Reason = time.Now(), "the process of the server died"
		t.Sessions = append(t.Sessions, session)
	}
	s.work(ctx, t)
	if ctx.Err() != nil {
		return
	}
	for _, name := range r.files {
		if err := os.Remove(name); err != nil {
			e.Log.Warn("a file of telemetry that is stored stays", "err", err)
		}
	}
	close(r.done)
}

// read stores one file and returns the number of events in it. Where an entry is damaged the
// rest is left out, as the end of a file whose writer died may be.
func (r *replay) read(ctx context.Context, s *shard, name string, open map[SessionID]Session) (events int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for ctx.Err() == nil {
		t, rows := &taken{}, []Row{}
		for len(rows) < batchEvents && len(t.Sessions)+len(t.Losses) < batchEvents && err == nil {
			var entry []byte
			if entry, err = next(in); err == nil {
				err = t.restore(entry, &rows)
			}
		}
		for _, v := range t.Sessions {
			if v.Ended.IsZero() {
				open[v.ID] = v
			} else {
				delete(open, v.ID)
			}
		}
		events += len(rows)
		t.blocks = []*block{{rows: rows}}
		for i := range rows {
			s.engine.waiting.Add(1)
			s.engine.waitingBytes.Add(int64(rows[i].size()))
		}
		s.work(ctx, t)
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
	}
	return events, ctx.Err()
}

var errSpilled = errors.New("damaged entry")

// next reads the next entry.
func next(in io.Reader) ([]byte, error) {
	var head [spillHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size == 0 || size > maxSpilled {
		return nil, errSpilled
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errSpilled
	}
	return b, nil
}

// restore adds an entry to a batch. Rows keep the bytes.
func (t *taken) restore(b []byte, rows *[]Row) error {
	kind, b := b[0], b[1:]
	u64 := func() (v uint64) {
		v = binary.LittleEndian.Uint64(b)
		b = b[8:]
		return v
	}
	switch {
	case kind == spilledSession:
		var v Session
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		t.Sessions = append(t.Sessions, v)
	case kind == spilledLoss && len(b) == 6*8+1:
		e := Entry{Session: SessionID(u64()), Number: int64(u64())}
		e.First, e.Last, e.Count = u64(), u64(), u64()
		e.Noted = time.UnixMicro(int64(u64()))
		e.Cause = Cause(b[0])
		t.Losses = append(t.Losses, e)
	case kind == spilledRow && len(b) >= 7*8+6:
		r := Row{
			Session: SessionID(u64()), Seq: u64(), Received: int64(u64()), At: int64(u64()),
			Link: u64(), Number: u64(), Index: u64(),
		}
		r.Kind, r.Class, r.Has = binary.LittleEndian.Uint16(b), Class(b[2]), Has(b[3])
		catalogue, subject := int(b[4]), int(b[5])
		if b = b[6:]; len(b) < catalogue+subject {
			return errSpilled
		}
		r.Catalogue = string(b[:catalogue])
		if subject > 0 {
			r.Subject = b[catalogue : catalogue+subject]
		}
		r.Body = b[catalogue+subject:]
		*rows = append(*rows, r)
	default:
		return errSpilled
	}
	return nil
}
