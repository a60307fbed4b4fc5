package live

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"sync"

	"parley/api/telemetry"
)

// keptAnswers is how many answers of an engine stay for subscriptions that are a little late.
const keptAnswers = 4

// share is what subscriptions with the same filter ask other engines for: what one of them asked
// for, the others do not ask for again. Each goes on from its own place nevertheless.
type share struct {
	c           *Cluster
	key         string
	subscribers int // guarded by the lock of the cluster

	life   context.Context //nolint:containedctx // of the questions that leave waits for
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu        sync.Mutex
	questions map[int64][]*question // by engine, the last ones in their order
}

// heardAnswer is an answer with its events.
type heardAnswer struct {
	answer
	events []telemetry.Event
}

// question is one to an engine, and its answer once done is closed.
type question struct {
	ask
	done   chan struct{}
	answer heardAnswer
	err    error
}

// join returns what the subscriptions with this filter share; leave gives it back. It is called
// with the lock of the cluster held. What is in ctx but its end is used.
func (c *Cluster) join(ctx context.Context, f telemetry.Filter) *share {
	b, _ := json.Marshal(f) // numbers and text always marshal
	s := c.shares[string(b)]
	if s == nil {
		s = &share{c: c, key: string(b), questions: map[int64][]*question{}}
		s.life, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
		c.shares[s.key] = s
	}
	s.subscribers++
	return s
}

// leave returns when nothing is left of the share, if nobody else has it.
func (s *share) leave() {
	s.c.mu.Lock()
	s.subscribers--
	last := s.subscribers == 0
	if last {
		delete(s.c.shares, s.key)
	}
	s.c.mu.Unlock()
	if last {
		s.cancel()
		s.work.Wait()
	}
}

// ask asks another engine, or takes what was answered to somebody else who is as far, or has to
// wait for what is asked already.
func (s *share) ask(ctx context.Context, q *ask) (heardAnswer, error) {
	for alone := false; ; alone = true {
		asked := s.question(q, alone)
		select {
		case <-asked.done:
		case <-ctx.Done():
			return heardAnswer{}, ctx.Err()
		}
		if asked.err != nil {
			return heardAnswer{}, asked.err
		}
		if a, ok := asked.after(q); ok {
			return a, nil
		}
	}
}

// question returns the first question whose answer may tell what q asks for, and asks it if
// there is none.
func (s *share) question(q *ask, alone bool) *question {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.questions[q.From.Engine]
	for _, asked := range all {
		if !alone && asked.covers(q) {
			return asked
		}
	}
	asked := &question{ask: *q, done: make(chan struct{})}
	if len(all) >= keptAnswers {
		all = slices.Delete(all, 0, 1)
	}
	s.questions[q.From.Engine] = append(all, asked)
	s.work.Go(func() {
		defer close(asked.done)
		if asked.answer, asked.err = s.hear(&asked.ask); asked.err != nil {
			s.forget(asked)
		}
	})
	return asked
}

// hear asks an engine now.
func (s *share) hear(q *ask) (heardAnswer, error) {
	patience := waitTime + lateTime
	if q.Past {
		patience += settleTime
	}
	ctx, cancel := context.WithTimeout(s.life, patience)
	defer cancel()
	a, err := s.c.ask(ctx, q.From.Engine, q)
	return heardAnswer{a, s.c.unpack(&a)}, err
}

// forget has a question asked again.
func (s *share) forget(asked *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	engine := asked.From.Engine
	s.questions[engine] = slices.DeleteFunc(s.questions[engine], func(other *question) bool { return other == asked })
}

// covers reports whether the answer may tell what comes next after a later place.
func (asked *question) covers(q *ask) bool {
	if byTime(q.From) || byTime(asked.From) || q.From.Next < asked.From.Next {
		return false
	}
	select {
	case <-asked.done:
		return asked.err == nil && asked.answer.Cursor.Next > q.From.Next
	default:
		return true
	}
}

// after returns the part of an answer that comes after where q is; false when that has to be
// asked for.
func (asked *question) after(q *ask) (heardAnswer, bool) {
	a := asked.answer
	if q.From == asked.From && q.Past == asked.Past {
		a.events = slices.Clone(a.events)
		return a, true
	}
	passed := q.From.Next - asked.From.Next
	a.Lagged -= min(a.Lagged, passed)
	if a.Past || a.Lagged > 0 && q.Past || a.Cursor.Next < q.From.Next {
		return a, false
	}
	first := sort.Search(len(a.events), func(i int) bool { return a.events[i].Number >= q.From.Next })
	a.events = slices.Clone(a.events[first:])
	return a, true
}
