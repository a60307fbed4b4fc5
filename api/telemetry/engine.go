package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/histogram"
)

// Options are what an engine is made of. Store and Log are required; what is zero has the
// default.
type Options struct {
	Store      Store
	Catalogues []Catalogue
	Log        *slog.Logger

	Shards      int // writers side by side; [DefaultShards]
	MaxEvents   int // that wait to be written; [DefaultMaxEvents]
	MaxBytes    int // likewise; [DefaultMaxBytes]
	MaxSessions int // at once; [DefaultMaxSessions]

	// SpillDir is where events are kept until they are in the store, so that they outlive
	// this process. It belongs to one engine at a time. "" is nowhere: then what was not
	// written yet is lost when the process is killed.
	SpillDir string

	Retention Retention // [DefaultRetention]
}

// Defaults.
const (
	DefaultShards      = 2
	DefaultMaxEvents   = 1_000_000
	DefaultMaxBytes    = 256 << 20
	DefaultMaxSessions = 65_536
)

const (
	// batchTime and batchEvents are when waiting events are written, whichever is first.
	batchTime   = 20 * time.Millisecond
	batchEvents = 1000

	// rollupTime is how often roll-ups are written.
	rollupTime = 5 * time.Second

	// aliveTime is how often open sessions are said to go on, and StaleAfter when one of
	// which nobody said so for that long has ended.
	aliveTime  = 30 * time.Second
	StaleAfter = 2 * time.Minute

	// keepTime is how often the store is asked to make and drop what it has to.
	keepTime = 10 * time.Minute

	// syncTime is how long events may wait to be stored before they are brought to the disk of
	// this machine, so that no more is lost when its power fails. While the store keeps up
	// nothing has to be.
	syncTime = time.Second

	// lastTime bounds the last writes when the engine stops.
	lastTime = 10 * time.Second
)

// Engine takes events in. It implements [Ingest].
type Engine struct {
	Options
	catalogues map[string]Catalogue
	shards     []*shard
	hub        *hub
	counters   Counters
	seed       maphash.Seed
	lastID     atomic.Int64
	sessions   atomic.Int64
	replay     replay
	rollups    chan struct{} // taken by who writes roll-ups

	waiting      atomic.Int64 // events in all queues
	waitingBytes atomic.Int64
}

var _ Ingest = (*Engine)(nil)

// Counters are totals since the start. They may be read at any time.
type Counters struct {
	Received    atomic.Uint64 // records handed to feeds
	Stored      atomic.Uint64
	Batches     atomic.Uint64
	Failures    atomic.Uint64 // of batches, to be tried again
	Quarantined atomic.Uint64

	// Commit is how long events took from their receipt until they were committed, those left
	// aside that an earlier process received.
	Commit histogram.Waits

	Lost [len(causes)]atomic.Uint64 // by cause
}

// New returns an engine. Sessions can begin at once; they are stored once Run is called.
func New(o Options) (*Engine, error) {
	if o.Shards == 0 {
		o.Shards = DefaultShards
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = DefaultMaxEvents
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	if o.Retention == (Retention{}) {
		o.Retention = DefaultRetention()
	}
	epoch := random()
	e := &Engine{Options: o, catalogues: map[string]Catalogue{}, hub: newHub(epoch), seed: maphash.MakeSeed(), rollups: make(chan struct{}, 1)}
	for _, c := range o.Catalogues {
		e.catalogues[c.ID()] = c
	}
	if err := e.replay.open(o.SpillDir); err != nil {
		return nil, fmt.Errorf("open what was spilled: %w", err)
	}
	for i := range o.Shards {
		s := newShard(e, epoch+int64(i))
		if o.SpillDir != "" {
			s.spill = newSpill(o.SpillDir, spillName(epoch, i), epoch+int64(i), o.Log)
		}
		e.shards = append(e.shards, s)
	}
	return e, nil
}

// random returns a positive number that leaves room for additions.
func random() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return int64(binary.LittleEndian.Uint64(b[:]) >> 2)
}

// idEpoch is the year in which session ids began. Milliseconds since then and engineBits random bits of the
// engine make one: that two engines have the same happens to one pair in four million.
var idEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const engineBits = 22

// nextID returns an id that no other session has. Where more than one begins in a millisecond it is ahead of
// the time.
func (e *Engine) nextID(now time.Time) SessionID {
	for {
		last := e.lastID.Load()
		next := max(last>>engineBits+1, now.Sub(idEpoch).Milliseconds())<<engineBits | e.hub.epoch&(1<<engineBits-1)
		if e.lastID.CompareAndSwap(last, next) {
			return SessionID(next)
		}
	}
}

// Reasons to refuse a session.
var (
	ErrTooManySessions = errors.New("too many telemetry sessions")
	ErrNoRoom          = errors.New("too much telemetry waits to be stored")
	ErrBadSource       = errors.New("telemetry source is not acceptable")
)

// Begin implements [Ingest].
func (e *Engine) Begin(ctx context.Context, source Source) (Feed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, ok := e.catalogues[source.Catalogue]; !ok {
		return nil, fmt.Errorf("%w: no catalogue %.32q", ErrBadSource, source.Catalogue)
	}
	if source.Identity == "" || len(source.Identity) > MaxIdentity || len(source.Scope) > MaxIdentity ||
		len(source.Labels) > MaxLabels || len(source.Parameters) > MaxLabels || source.Version != int(int32(source.Version)) {
		return nil, fmt.Errorf("%w: identity, scope, version, labels or parameters are missing or too long", ErrBadSource)
	}
	if e.sessions.Add(1) > int64(e.MaxSessions) {
		e.sessions.Add(-1)
		return nil, ErrTooManySessions
	}
	if e.waitingBytes.Load() >= int64(e.MaxBytes) {
		e.sessions.Add(-1)
		return nil, ErrNoRoom
	}
	now := time.Now()
	if source.Began.Year() < 1970 || source.Began.Year() > 9999 {
		source.Began = now
	}
	source.Identity, source.Scope = clean(source.Identity, MaxIdentity), clean(source.Scope, MaxIdentity)
	labels := make(map[string]string, len(source.Labels))
	for k, v := range source.Labels {
		labels[clean(k, MaxLabel)] = clean(v, MaxLabel)
	}
	var parameters map[string]uint64 // most have none
	for k, v := range source.Parameters {
		if parameters == nil {
			parameters = make(map[string]uint64, len(source.Parameters))
		}
		parameters[clean(k, MaxLabel)] = v
	}
	source.Labels, source.Parameters = labels, parameters
	f := &feed{
		id: e.nextID(now), source: source, engine: e, catalogue: e.catalogues[source.Catalogue],
		shard: e.shards[maphash.String(e.seed, source.Identity)%uint64(len(e.shards))],
	}
	f.shard.begin(f)
	return f, nil
}

// Catalogue returns the catalogue of that id, nil when there is none.
func (e *Engine) Catalogue(id string) Catalogue { return e.catalogues[id] }

// Counters returns the totals.
func (e *Engine) Counters() *Counters { return &e.counters }

// Waiting returns how many events wait to be written, and their size.
func (e *Engine) Waiting() (events, bytes int64) { return e.waiting.Load(), e.waitingBytes.Load() }

// Sessions returns how many sessions there are.
func (e *Engine) Sessions() int { return int(e.sessions.Load()) }

// Run stores what comes until ctx ends; then it stores what is left, for some seconds at
// most, and says how much it could not.
func (e *Engine) Run(ctx context.Context) error {
	e.keep(ctx)
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var writers, rest sync.WaitGroup
	for _, s := range e.shards {
		writers.Go(func() { s.run(writing) })
	}
	rest.Go(func() { e.replay.run(ctx, e) })
	rest.Go(func() { e.upkeep(ctx) })
	<-ctx.Done()
	rest.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	err := e.flushShards(last)
	uncounted := e.WriteRollups(last)
	err = errors.Join(err, uncounted)
	if err == nil {
		if err := e.Store.Finish(last, []int64{e.ID()}); err != nil { // who looks at this node waits for more in vain
			e.Log.Warn("telemetry is not said to be complete", "err", err)
		}
	}
	stop()
	writers.Wait()
	if n := e.waiting.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d events are not stored", n))
	}
	for _, s := range e.shards {
		if s.spill != nil {
			s.mu.Lock()
			s.spill.end(e.waiting.Load() == 0 && uncounted == nil)
			s.mu.Unlock()
		}
	}
	return err
}

// upkeep does what is to be done now and then.
func (e *Engine) upkeep(ctx context.Context) {
	rollups, alive, keep, sync := time.NewTicker(rollupTime), time.NewTicker(aliveTime), time.NewTicker(keepTime), time.NewTicker(syncTime)
	defer sync.Stop()
	defer rollups.Stop()
	defer alive.Stop()
	defer keep.Stop()
	for {
		var err error
		select {
		case <-rollups.C:
			err = errors.Join(e.WriteRollups(ctx), e.alive(ctx, false))
		case <-alive.C:
			err = e.alive(ctx, true)
		case <-keep.C:
			e.keep(ctx)
		case <-sync.C:
			for _, s := range e.shards {
				err = errors.Join(err, s.sync())
			}
		case <-ctx.Done():
			return
		}
		if err != nil && ctx.Err() == nil {
			e.Log.Warn("telemetry is not up to date", "err", err)
		}
	}
}

func (e *Engine) keep(ctx context.Context) {
	if e.SpillDir == "" { // nobody can store more of this engine once it is gone
		if err := e.Store.Finish(ctx, []int64{e.ID()}); err != nil && ctx.Err() == nil {
			e.Log.Warn("telemetry is not said to end with this process", "err", err)
		}
	}
	if err := e.Store.Keep(ctx, e.Retention); err != nil && ctx.Err() == nil {
		e.Log.Warn("telemetry tables are not kept up", "err", err)
	}
}

// alive tells the store of open sessions: of all, or of those to which events came since.
func (e *Engine) alive(ctx context.Context, all bool) error {
	var open []Pulse
	for _, s := range e.shards {
		open = s.pulses(open, all)
	}
	if len(open) == 0 {
		return nil
	}
	return e.Store.Alive(ctx, open)
}

// WriteRollups stores what was counted until now. Run does so every few seconds.
func (e *Engine) WriteRollups(ctx context.Context) error {
	select { // a mark must not overtake the cells before it
	case e.rollups <- struct{}{}:
		defer func() { <-e.rollups }()
	case <-ctx.Done():
		return fmt.Errorf("store roll-ups: %w", ctx.Err())
	}
	var errs []error
	for _, s := range e.shards {
		cells, mark := s.rollups()
		if len(cells) == 0 {
			continue
		}
		if err := e.Store.WriteRollups(ctx, cells, mark); err != nil {
			s.again(cells)
			errs = append(errs, err)
			continue
		}
		s.countedTo(mark.Rows)
	}
	return errors.Join(errs...)
}

// Flush returns nil once everything that was handed to feeds before the call, and is not in
// the ledger, can be read from the store, and so can the ledger. While the store does not
// work it returns the error of the attempt; what is not stored then stays in the queue. Rows
// that went into quarantine since the last call are an error once. Run has to be running.
func (e *Engine) Flush(ctx context.Context) error {
	if err := e.replay.wait(ctx); err != nil {
		return err
	}
	return errors.Join(e.flushShards(ctx), e.WriteRollups(ctx), e.alive(ctx, false))
}

func (e *Engine) flushShards(ctx context.Context) error {
	tokens := make([]*token, len(e.shards))
	for i, s := range e.shards {
		tokens[i] = s.barrier()
	}
	var errs []error
	for _, t := range tokens {
		select {
		case err := <-t.done:
			errs = append(errs, err)
		case <-ctx.Done():
			return fmt.Errorf("flush telemetry: %w", ctx.Err())
		}
	}
	return errors.Join(errs...)
}
