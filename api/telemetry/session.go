package telemetry

import (
	"context"
	"math"
	"time"
)

// feed implements [Feed].
type feed struct {
	id        SessionID
	source    Source // never changed
	engine    *Engine
	catalogue Catalogue
	shard     *shard

	// All below is guarded by the shard's lock.
	ended  bool
	events uint64 // that came
	told   uint64 // of those, that the store was told of
	file   int    // the last one of the spill that introduces it
	ledger ledger
	opened openings
	bucket int64 // that these are of
	total  *cell
	kinds  map[uint16]*cell // without dimension
}

var _ Feed = (*feed)(nil)

// ID implements [Feed].
func (f *feed) ID() SessionID { return f.id }

// unknown describes kinds that a catalogue does not have.
var unknown = Kind{Name: "unknown", Group: "unknown", Class: Meta}

// Record implements [Feed].
func (f *feed) Record(r Record) {
	e := f.engine
	e.counters.Received.Add(1)
	if r.Received.IsZero() {
		r.Received = time.Now()
	}
	kind, ok := f.catalogue.Lookup(r.Kind)
	if !ok {
		kind = unknown
	}
	if len(r.Raw) > MaxRaw {
		if !r.Counted {
			f.Lost(TooLarge, r.Seq, 1)
		}
		return
	}
	r.Hot.Subject = r.Hot.Subject[:min(len(r.Hot.Subject), MaxSubject)]
	s := f.shard
	s.mu.Lock()
	if f.ended {
		s.mu.Unlock()
		return
	}
	f.events++
	dimension, samples := clean(r.Hot.Dimension, MaxIdentity), f.samples(&r, kind)
	if !s.hasRoom(kind.Class, len(r.Raw)) {
		if !r.Counted {
			f.lose(Loss{QueueFull, r.Seq, r.Seq, 1}, r.Received)
		}
		s.mu.Unlock()
		return
	}
	// Only what has room: of the rest there is a number in the ledger, and what could not be
	// counted again after a kill is not counted before it.
	f.count(s.counts, r.Received.UnixMicro(), r.Kind, dimension, samples)
	s.put(f, &r, kind, dimension, samples)
	s.mu.Unlock()
}

// Lost implements [Feed].
func (f *feed) Lost(cause Cause, first, n uint64) {
	if n == 0 || int(cause) >= len(causes) {
		return
	}
	f.shard.mu.Lock()
	defer f.shard.mu.Unlock()
	if !f.ended {
		f.lose(Loss{cause, first, plus(first, n-1), n}, time.Now())
	}
}

// lose is called with the shard's lock held.
func (f *feed) lose(loss Loss, now time.Time) {
	f.engine.counters.Lost[loss.Cause].Add(loss.Count)
	if g := f.ledger.add(f.id, loss, now); g != nil {
		f.shard.gaps = append(f.shard.gaps, g)
	}
	if s := f.shard.spill; s != nil {
		s.loss(f.ledger.open[loss.Cause], f.events)
	}
	f.shard.wake(false)
}

// End implements [Feed].
func (f *feed) End(reason string) {
	f.shard.end(f, clean(reason, MaxLabel), time.Now())
}

// samples returns the measurements of r that count, with what it took since the event that it
// continues. They are good until the next call of any feed of the shard, whose lock is held.
func (f *feed) samples(r *Record, kind Kind) []Sample {
	all := f.shard.samples[:0]
	for _, s := range r.Hot.Samples {
		if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
			all = append(all, Sample{clean(s.Measure, MaxMeasure), s.Value})
		}
	}
	if r.Linked {
		if at, opened, ok := f.opened.find(r.Link); ok {
			all = append(all, Sample{SinceMeasure(opened), max(0, float64(r.At.UnixMicro()-at)/1000)})
		}
	}
	if kind.Opens {
		f.opened.add(r.Seq, r.At.UnixMicro(), r.Kind)
	}
	f.shard.samples = all
	return all
}

// count enters an event into the roll-ups, which whoever calls it has the use of.
func (f *feed) count(c *counts, received int64, kind uint16, dimension string, samples []Sample) {
	c.turn(received)
	if f.bucket != c.bucket || f.kinds == nil {
		f.bucket, f.kinds = c.bucket, make(map[uint16]*cell)
		c.feeds = append(c.feeds, f)
		f.total = c.of(cellKey{catalogue: f.source.Catalogue, kind: AllKinds, scope: f.source.Scope, source: f.source.Identity})
	}
	f.total.add()
	key := cellKey{catalogue: f.source.Catalogue, kind: int32(kind), scope: f.source.Scope, dimension: dimension}
	if key.dimension != "" {
		c.of(key).add()
	} else {
		at := f.kinds[kind]
		if at == nil {
			at = c.of(key)
			f.kinds[kind] = at
		}
		at.add()
	}
	for _, s := range samples {
		key.measure = s.Measure
		c.of(key).sample(s.Value)
	}
}

// size is about what the session needs in memory while it waits to be stored.
func (s *Session) size() int {
	n := 512 + len(s.Identity) + len(s.Scope) + len(s.Reason)
	for k, v := range s.Labels {
		n += 64 + len(k) + len(v)
	}
	for k := range s.Parameters {
		n += 64 + len(k)
	}
	return n
}

// session describes f as it is stored.
func (f *feed) session() Session {
	return Session{ID: f.id, Source: f.source, Engine: f.engine.ID(), Events: f.events}
}

// token is a place in a shard's queue that somebody waits for.
type token struct {
	at    uint64 // rows that were put before
	taken bool   // a batch was taken since
	tried bool   // an attempt began since
	done  chan error
}

// answer tells who waits.
func (t *token) answer(err error) { t.done <- err }

// pause waits for d, until somebody hurries, or ctx ends.
func pause(ctx context.Context, d time.Duration, hurry <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hurry:
	case <-ctx.Done():
	}
}
