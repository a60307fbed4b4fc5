package live

import (
	"context"
	"slices"
	"time"

	"parley/api/observe"
	"parley/api/telemetry"
)

const (
	// graveTime is how often it is looked whether all is on record that a node took in before it
	// was killed.
	graveTime = time.Second

	// graveAge is for how long.
	graveAge = time.Hour
)

// grave is where an engine was left that does not answer, and of which more may come on record:
// what it had put into files when it was killed is stored by the node that starts after it.
type grave struct {
	dug   time.Time
	from  telemetry.Cursor
	given map[telemetry.SessionID]uint64 // the last number of each session that came since
	open  bool                           // it is being read
	again bool                           // not for the first time
}

// visit looks into graves until ctx ends.
func (c *Cluster) visit(ctx context.Context) {
	tick := time.NewTicker(graveTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		engines := c.graves()
		if len(engines) == 0 {
			continue
		}
		finished, err := c.o.Archive.Finished(ctx, engines)
		if err != nil {
			c.o.Log.Debug("nodes that are gone are not looked for", observe.KeyErr, err)
			continue
		}
		c.mu.Lock()
		for s := range c.subscriptions {
			for _, id := range finished {
				s.exhume(id)
			}
		}
		c.mu.Unlock()
	}
}

// graves returns the engines of which more may come, and forgets those of long ago.
func (c *Cluster) graves() (engines []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.subscriptions {
		s.mu.Lock()
		for id, g := range s.graves {
			if time.Since(g.dug) > graveAge && !g.open {
				delete(s.graves, id)
			} else if !slices.Contains(engines, id) {
				engines = append(engines, id)
			}
		}
		s.mu.Unlock()
	}
	return engines
}

// dig makes the grave of an engine that is left at a place, nil when nothing more comes of it. It
// is open.
func (s *Subscription) dig(from telemetry.Cursor) *grave {
	if finished, err := s.c.o.Archive.Finished(s.life, []int64{from.Engine}); err == nil && len(finished) > 0 {
		return nil
	}
	g := &grave{dug: time.Now(), from: from, given: map[telemetry.SessionID]uint64{}, open: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graves[from.Engine] = g
	return g
}

// exhume brings what has come on record of an engine since it was buried. It is called with the
// lock of the cluster held.
func (s *Subscription) exhume(engine int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.graves[engine]
	if g == nil || g.open || s.life.Err() != nil {
		return
	}
	g.open, g.again = true, true
	s.work.Go(func() {
		until := telemetry.Cursor{Engine: engine, Received: time.Now().UnixMicro()}
		all := s.readPast(g.from, until, g)
		s.mu.Lock()
		defer s.mu.Unlock()
		g.open = false
		if all && s.graves[engine] == g {
			delete(s.graves, engine)
			s.at.move(until)
		}
	})
}

// fresh reports whether an event did not come before, and notes that it does. Those of a
// session are stored in their order.
func (g *grave) fresh(r *telemetry.Row) bool {
	if g == nil {
		return true
	}
	if last, ok := g.given[r.Session]; ok && r.Seq <= last {
		return false
	}
	g.given[r.Session] = r.Seq
	return true
}

// lasting has a cursor begin at the graves: who goes on from it gets once more what came from
// there, rather than never what comes later.
func (s *Subscription) lasting(c Cursor) Cursor {
	for id, g := range s.graves {
		if _, known := c.places[id]; known || len(c.places) < maxPlaces {
			c.places[id] = g.from
		}
	}
	return c
}
