package live

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/telemetry"
)

const (
	// waitTime is how long a question waits for events.
	waitTime = 2 * time.Second

	// collectTime is how long events are collected for one answer to another node.
	collectTime = 10 * time.Millisecond

	// settleTime bounds the wait until what the ring has lost is on record.
	settleTime = 10 * time.Second

	// fullBatch is from how many events on an answer goes at once.
	fullBatch = 128
)

// answer answers another node.
func (c *Cluster) answer(ctx context.Context, m *nats.Msg) {
	var q ask
	if json.Unmarshal(m.Data, &q) != nil {
		return
	}
	a := answer{Busy: true}
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
		a = c.find(ctx, &q)
	default:
	}
	b, err := json.Marshal(&a)
	if err != nil {
		c.o.Log.Error("events for another node", "err", err)
		return
	}
	c.counters.To.add(len(a.Events), len(b)) // before anybody has seen them
	_ = m.Respond(b)                         // or it asks again
}

// find answers a question of another node.
func (c *Cluster) find(ctx context.Context, q *ask) (a answer) {
	if q.Recent > 0 {
		events := c.o.Engine.Recent(q.Filter, q.Recent)
		// Where there is no room for all the last ones matter.
		size, first := 0, len(events)
		for first > 0 && size < maxAnswer {
			first--
			size += len(events[first].Row.Body) + 256
		}
		a.pack(events[first:])
		return a
	}
	n := c.next(ctx, q, collectTime)
	a.Cursor, a.Lagged, a.Past = n.Cursor, n.Lagged, n.past
	if packed := a.pack(n.Events); packed < len(n.Events) {
		last := &n.Events[packed-1]
		a.Cursor = telemetry.Cursor{Engine: a.Cursor.Engine, Next: last.Number + 1, Received: last.Row.Received}
	}
	return a
}

// found is what an engine has for a question.
type found struct {
	telemetry.News
	past bool
}

// next waits until the engine of this node has events that are asked for, though not for long.
// It then collects for some time.
func (c *Cluster) next(ctx context.Context, q *ask, collect time.Duration) found {
	e := c.o.Engine
	from, kept := q.From, false
	if byTime(from) {
		from, kept = e.Locate(from.Received)
	} else {
		kept = e.Keeps(from)
	}
	var missed uint64
	if !kept && q.Past {
		head := e.Head() // everything until here is on record when it is settled
		if c.settled(ctx) {
			return found{telemetry.News{Cursor: head}, true}
		}
	}
	if !kept && byTime(q.From) {
		missed = 1 // or more: numbers are not known
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	s := e.Subscribe(q.Filter, &from)
	if missed > 0 {
		return found{News: telemetry.News{Lagged: missed, Cursor: s.Cursor()}}
	}
	n, err := s.Next(ctx)
	if err != nil || collect == 0 || len(n.Events) >= fullBatch {
		return found{News: n}
	}
	n.Events = append([]telemetry.Event(nil), n.Events...) // the next ones overwrite them
	rest(ctx, collect)
	at, now := context.WithCancel(ctx)
	now() // what is there is returned, what is not is not waited for
	more, _ := s.Next(at)
	if more.Lagged > 0 {
		return found{News: n} // to be told with the next answer
	}
	n.Events, n.Cursor = append(n.Events, more.Events...), more.Cursor
	return found{News: n}
}

// settled waits until everything that the engine took in is on record or in the ledger.
func (c *Cluster) settled(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	err := c.o.Engine.Flush(ctx)
	if err != nil { // as what went into quarantine is, once
		err = c.o.Engine.Flush(ctx)
	}
	return err == nil
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
