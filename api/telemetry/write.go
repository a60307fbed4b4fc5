package telemetry

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// firstBackoff and lastBackoff are the pauses between attempts to write a batch.
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 2 * time.Second

	// writeTime bounds one attempt.
	writeTime = 30 * time.Second
)

// run writes what comes until ctx ends.
func (s *shard) run(ctx context.Context) {
	for {
		select {
		case <-s.some:
		case <-ctx.Done():
			s.refuse(ctx.Err(), true)
			return
		}
		pause(ctx, batchTime, s.hurry)
		for !s.idle() && ctx.Err() == nil {
			s.work(ctx, s.take())
		}
	}
}

// work writes one batch, however long that takes, unless ctx ends before.
func (s *shard) work(ctx context.Context, t *taken) {
	// What is done stays done when a part has to be tried again.
	rows := make([][]Row, 0, len(t.blocks))
	bytes, count := 0, 0
	for _, b := range t.blocks {
		rows = append(rows, b.rows)
		count += len(b.rows)
		for i := range b.rows {
			bytes += b.rows[i].size()
		}
	}
	for i := range t.Sessions {
		bytes += t.Sessions[i].size()
	}
	todo := join(rows, count)
	for {
		s.try()
		left, err := s.attempt(ctx, &t.Batch, todo)
		if err == nil {
			break
		}
		todo = left
		s.engine.counters.Failures.Add(1)
		if ctx.Err() != nil {
			s.refuse(err, true)
			return
		}
		if s.backoff == 0 {
			s.engine.Log.Warn("telemetry is not stored, trying again", "err", err, "waiting", s.engine.waiting.Load())
		}
		s.refuse(err, false)
		s.backoff = min(max(2*s.backoff, firstBackoff), lastBackoff)
		pause(ctx, s.backoff, s.hurry)
	}
	if s.backoff > 0 {
		s.engine.Log.Info("telemetry is stored again", "waiting", s.engine.waiting.Load())
		s.backoff = 0
	}
	s.written(uint64(count))
	s.engine.counters.Batches.Add(1)
	s.engine.waiting.Add(-int64(count))
	s.engine.waitingBytes.Add(-int64(bytes))
	s.pass()
}

// join returns all rows in one slice, which is a copy only when there are several.
func join(rows [][]Row, count int) []Row {
	if len(rows) == 1 {
		return rows[0]
	}
	all := make([]Row, 0, count)
	for _, r := range rows {
		all = append(all, r...)
	}
	return all
}

// attempt writes sessions and losses, which it takes out of b, and rows. It returns the rows
// that still have to be written.
func (s *shard) attempt(ctx context.Context, b *Batch, rows []Row) ([]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	b.Rows = rows
	err := s.engine.Store.Write(ctx, b)
	if err == nil {
		s.committed(rows)
		b.Sessions, b.Losses = nil, nil
		return nil, nil
	}
	if _, refused := errors.AsType[*RefusedError](err); !refused {
		return rows, err
	}
	b.Sessions, b.Losses = nil, nil
	return s.isolate(ctx, b, rows)
}

// committed counts rows that are stored, and how long that took.
func (s *shard) committed(rows []Row) {
	c := &s.engine.counters
	c.Stored.Add(uint64(len(rows)))
	if s.replays {
		return
	}
	now := time.Now().UnixMicro()
	for len(rows) > 0 { // those that came in one piece have the same time
		n := 1
		for n < len(rows) && rows[n].Received == rows[0].Received {
			n++
		}
		c.Commit.Observe(time.Duration(now-rows[0].Received)*time.Microsecond, uint64(n))
		rows = rows[n:]
	}
}

// isolate writes rows some of which the store refuses: halves of halves, until those are
// alone and go into quarantine. It returns the rows that still have to be written.
func (s *shard) isolate(ctx context.Context, b *Batch, rows []Row) (left []Row, err error) {
	var bad []Refused
	for parts := [][]Row{rows}; len(parts) > 0; {
		part := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		b.Rows = part
		if err = s.engine.Store.Write(ctx, b); err == nil {
			s.committed(part)
			continue
		}
		refused, ok := errors.AsType[*RefusedError](err)
		if ok && len(part) == 1 {
			bad = append(bad, Refused{&part[0], refused.Reason})
			continue
		}
		if ok && len(part) > 1 {
			parts = append(parts, part[len(part)/2:], part[:len(part)/2])
			continue
		}
		left = append(left, part...)
		for _, p := range parts {
			left = append(left, p...)
		}
		break
	}
	if len(bad) > 0 {
		failure := s.quarantine(ctx, bad)
		if failure != nil {
			for _, r := range bad {
				left = append(left, *r.Row)
			}
		}
		err = errors.Join(err, failure)
	}
	if len(left) > 0 {
		return left, err
	}
	return nil, nil
}

func (s *shard) quarantine(ctx context.Context, bad []Refused) error {
	if err := s.engine.Store.Quarantine(ctx, bad); err != nil {
		return err
	}
	s.engine.counters.Quarantined.Add(uint64(len(bad)))
	s.engine.counters.Lost[WriteFailed].Add(uint64(len(bad)))
	s.poison = errors.Join(s.poison, fmt.Errorf("%d events are in quarantine, the first for %s", len(bad), bad[0].Reason))
	s.engine.Log.Error("events are in quarantine", "count", len(bad), "reason", bad[0].Reason, "session", int64(bad[0].Row.Session))
	return nil
}
