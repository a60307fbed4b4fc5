package live

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/observe"
	"parley/api/telemetry"
)

const (
	// goneTime is how long a node may not answer until what it took in is read from the
	// archive.
	goneTime = 2 * time.Second

	// storeTime is how long after they came events are on record at the latest, while the
	// database works.
	storeTime = goneTime - 500*time.Millisecond

	// lateTime is how much longer than it may an answer takes until it is asked again for.
	lateTime = time.Second

	// againTime is the pause before a question is asked again.
	againTime = 250 * time.Millisecond

	// pageSize is how many events are read from the archive at once.
	pageSize = 500
)

// News is what a subscription has got.
type News struct {
	Events []telemetry.Event // of one engine, in their order; the reader's
	// Lagged is how many events of that engine, of all kinds, went by unread before these.
	Lagged uint64
	Cursor Cursor // to go on after these
}

// Subscription reads events as they come. Next is used from one goroutine; Close has to be
// called.
type Subscription struct {
	c      *Cluster
	share  *share
	filter telemetry.Filter
	resume bool // from a cursor
	gone   bool
	news   chan batch

	life   context.Context //nolint:containedctx // of the goroutines that Close waits for
	cancel context.CancelFunc
	work   sync.WaitGroup

	leaving sync.Once

	mu        sync.Mutex
	at        Cursor
	following map[int64]bool
	buried    map[int64]bool
	graves    map[int64]*grave // of those, where more may come
}

// batch is what one engine has.
type batch struct {
	events []telemetry.Event
	lagged uint64
	cursor telemetry.Cursor
}

// Subscribe returns a subscription to what comes on any node from now on or, with a cursor, to
// what came after it. It waits a moment for the other nodes; ctx bounds that, not the
// subscription.
func (c *Cluster) Subscribe(ctx context.Context, f telemetry.Filter, from *Cursor) *Subscription {
	s := &Subscription{
		c: c, filter: f, resume: from != nil, news: make(chan batch),
		at: Cursor{time.Now().UnixMicro(), map[int64]telemetry.Cursor{}}, following: map[int64]bool{}, buried: map[int64]bool{}, graves: map[int64]*grave{},
	}
	s.life, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	own := c.o.Engine.Head()
	if from != nil {
		s.at = Cursor{from.since, maps.Clone(from.places)}
	} else {
		s.at.places[own.Engine] = own
	}
	known := map[int64]bool{own.Engine: true}
	for _, head := range c.gather(ctx) {
		known[head.Engine] = true
		if from == nil {
			s.at.places[head.Engine] = head
		}
	}
	for id := range s.at.places {
		s.gone = s.gone || !known[id]
		known[id] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscriptions[s] = true
	s.share = c.join(ctx, f)
	for id := range c.peers {
		known[id] = true
	}
	all := make([]int64, 0, len(known))
	for id := range known {
		s.follow(id)
		all = append(all, id)
	}
	if s.resume {
		s.work.Go(func() { s.lookForGone(time.UnixMicro(s.at.since), all) })
	}
	return s
}

// Gone reports whether the cursor that the subscription began with knows a node that does not
// answer. Of its events those come that are on record.
func (s *Subscription) Gone() bool { return s.gone }

// Cursor returns the place after what Next has returned.
func (s *Subscription) Cursor() Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lasting(s.at.copied(time.Now(), s.buried))
}

// Next waits for events that the filter wants, or a lag, and returns them. The error is that of
// ctx.
func (s *Subscription) Next(ctx context.Context) (News, error) {
	select {
	case b := <-s.news:
		s.moved(b.cursor)
		s.c.counters.missed(b.cursor.Engine == s.c.o.Engine.ID(), b.lagged)
		return News{b.events, b.lagged, s.Cursor()}, nil
	case <-ctx.Done():
		return News{Cursor: s.Cursor()}, ctx.Err()
	}
}

// Close ends the subscription, and waits until nothing of it is left.
func (s *Subscription) Close() {
	s.c.mu.Lock()
	delete(s.c.subscriptions, s)
	s.c.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.leaving.Do(s.share.leave)
}

func (s *Subscription) moved(to telemetry.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at.move(to)
}

// follow follows an engine from where it was left. It is called with the lock of the cluster
// held.
func (s *Subscription) follow(engine int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.following[engine] || s.life.Err() != nil {
		return
	}
	s.following[engine] = true
	delete(s.buried, engine)
	delete(s.graves, engine)
	from := s.at.place(engine)
	s.work.Go(func() {
		s.pursue(from)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.following, engine)
	})
}

// lookForGone follows engines that began and ended while nobody looked.
func (s *Subscription) lookForGone(since time.Time, known []int64) {
	engines, err := s.c.o.Archive.Engines(s.life, since, known)
	if err != nil {
		s.complain("engines that are gone are not known", err)
		return
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, id := range engines {
		s.follow(id)
	}
}

func (s *Subscription) complain(what string, err error) {
	if s.life.Err() == nil {
		s.c.o.Log.Warn(what, observe.KeyErr, err)
	}
}

// pursue brings what one engine has until the subscription ends or the node is gone.
func (s *Subscription) pursue(from telemetry.Cursor) {
	past := s.resume
	heard, failures := time.Now(), 0
	for s.life.Err() == nil {
		a, err := s.question(&ask{Filter: s.filter, From: from, Past: past})
		if err != nil {
			failures++
			if nc := s.c.o.Conn; nc != nil && !nc.IsConnected() || errors.Is(err, errBusy) {
				heard, failures = time.Now(), 0 // nobody knows
			}
			if time.Since(heard) > goneTime && failures > 1 {
				s.bury(from)
				return
			}
			rest(s.life, againTime)
			continue
		}
		heard, failures = time.Now(), 0
		switch {
		case a.Past:
			s.readPast(from, a.Cursor, nil)
		case len(a.events) > 0 || a.Lagged > 0:
			past = false
			if !s.give(batch{a.events, a.Lagged, a.Cursor}) {
				return
			}
		}
		from = a.Cursor
		s.moved(from) // past what nobody wants
	}
}

// question asks the engine that q begins in.
func (s *Subscription) question(q *ask) (heardAnswer, error) {
	if q.From.Engine == s.c.o.Engine.ID() {
		n := s.c.next(s.life, q, 0)
		return heardAnswer{answer{Cursor: n.Cursor, Lagged: n.Lagged, Past: n.past}, n.Events}, nil
	}
	if s.c.o.Conn == nil {
		return heardAnswer{}, nats.ErrNoResponders
	}
	return s.share.ask(s.life, q)
}

// give hands a batch to the reader, and reports false when there is none any more.
func (s *Subscription) give(b batch) bool {
	select {
	case s.news <- b:
		return true
	case <-s.life.Done():
		return false
	}
}

// bury brings what is on record of an engine that does not answer. Should it live after all, it
// is followed again from there: therefore not the last moments, in which it may not have stored
// everything.
func (s *Subscription) bury(from telemetry.Cursor) {
	g := s.dig(from) // before it is read
	until := telemetry.Cursor{Engine: from.Engine, Received: time.Now().Add(-storeTime).UnixMicro()}
	if until.Received > from.Received {
		s.readPast(from, until, g)
		s.moved(until)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buried[from.Engine] = true
	if g != nil {
		g.open = false
	}
}

// readPast brings what is on record of an engine between two places, without what came from a
// grave before. It reports whether that was all.
func (s *Subscription) readPast(from, until telemetry.Cursor, g *grave) bool {
	for s.life.Err() == nil {
		stored, err := s.c.o.Archive.Following(s.life, s.filter, from, until.Received, pageSize)
		if err != nil {
			s.complain("events that were missed cannot be read", err)
			if g != nil && g.again {
				return false // to be tried again
			}
			missed := uint64(1) // or more: without numbers nobody knows
			if !byTime(from) && until.Next > from.Next {
				missed = until.Next - from.Next
			}
			s.give(batch{lagged: missed, cursor: until})
			return false
		}
		if len(stored) == 0 {
			return true
		}
		b := batch{cursor: telemetry.Cursor{Engine: from.Engine, Received: stored[len(stored)-1].Received}}
		for i := range stored {
			e := telemetry.Event{Row: stored[i].Row, Kind: s.c.kind(&stored[i].Row), Source: &stored[i].Session.Source}
			if s.filter.Wants(&e) && g.fresh(&e.Row) {
				b.events = append(b.events, e)
			}
		}
		if len(b.events) > 0 && !s.give(b) {
			return false
		}
		if len(stored) < pageSize {
			return true
		}
		from = b.cursor
	}
	return false
}
