package flood

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"parley/api/load"
)

// Progress is how a flood is doing.
type Progress struct {
	Elapsed time.Duration
	On      int     // attempts that go on
	Begun   uint64  // attempts so far
	Packets float64 // a second, since the last time
	Mbit    float64 // a second
}

// String is one line for people.
func (p Progress) String() string {
	return fmt.Sprintf("%3.0fs flood: %d go on, %d begun, %.0f packets a second, %.1f Mbit/s",
		p.Elapsed.Seconds(), p.On, p.Begun, p.Packets, p.Mbit)
}

// run is a flood that goes on.
type run struct {
	Plan
	began    time.Time
	tries    *rate.Limiter // of what begins again
	counters []*counter
	missing  atomic.Int64 // ways that have not begun, and one until all are known
}

// Run floods until the time of the plan is over or ctx ends, and says what came of it. progress
// may be nil; it is called about once a second from another goroutine, and not after Run has
// returned. No connection is left when it returns.
func Run(ctx context.Context, p Plan, progress func(Progress)) ([]Tally, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Door == nil {
		p.Door = load.ByPath{}
	}
	ctx, over := context.WithTimeout(ctx, p.Duration)
	defer over()
	r := &run{Plan: p, began: time.Now(), tries: rate.NewLimiter(rate.Limit(p.Begin), p.Begin)}
	r.missing.Store(1)
	var all sync.WaitGroup
	for _, begin := range []struct {
		kind Kind
		do   func(context.Context, *sync.WaitGroup) error
	}{{Frames, r.frames}, {Packets, r.packets}, {Uploads, r.uploads}, {Handshakes, r.handshakes}, {Connects, r.connects}, {Telemetry, r.nodes}} {
		if !p.has(begin.kind) {
			continue
		}
		if err := begin.do(ctx, &all); err != nil {
			over()
			all.Wait()
			return nil, fmt.Errorf("flood of %s: %w", begin.kind, err)
		}
	}
	r.wayBegun()
	var looking sync.WaitGroup
	if progress != nil {
		looking.Go(func() { r.look(ctx, progress) })
	}
	all.Wait()
	over()
	looking.Wait()
	tallies := make([]Tally, len(r.counters))
	for i, c := range r.counters {
		tallies[i], _ = c.tally()
	}
	return tallies, nil
}

// look reports progress until ctx ends.
func (r *run) look(ctx context.Context, progress func(Progress)) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	var packets, bytes uint64
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		p := Progress{Elapsed: time.Since(r.began)}
		var sent, size uint64
		for _, c := range r.counters {
			t, on := c.tally()
			p.On += on
			p.Begun += t.Begun
			sent += t.Packets
			size += t.Bytes
		}
		p.Packets, p.Mbit = float64(sent-packets), float64(size-bytes)*8e-6
		packets, bytes = sent, size
		progress(p)
	}
}

// counter returns a new counter of the run.
func (r *run) counter(k Kind, how string, wanted int) *counter {
	r.missing.Add(1)
	c := newCounter(k, how, wanted, r.wayBegun)
	r.counters = append(r.counters, c)
	return c
}

// wayBegun counts the ways that have begun, and says when all have.
func (r *run) wayBegun() {
	if r.missing.Add(-1) == 0 && r.Begun != nil {
		r.Begun()
	}
}

// crowd lets n go on at once until ctx ends: whoever is done begins again. act is called with a
// number below n and returns when it is over.
func (r *run) crowd(ctx context.Context, all *sync.WaitGroup, n int, act func(ctx context.Context, i int)) {
	for i := range n {
		all.Go(func() {
			for r.tries.Wait(ctx) == nil {
				act(ctx, i)
			}
		})
	}
}

// base returns the URL that attempt i is for, of those of one of the schemes; "" if there is none.
func (r *run) base(i int, schemes ...string) string {
	var all []string
	for _, raw := range r.URLs {
		for _, s := range schemes {
			if strings.HasPrefix(raw, s+"://") {
				all = append(all, strings.TrimSuffix(raw, "/"))
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[i%len(all)]
}

// host returns host and port of a URL, which Check has found to be one.
func host(base string) string {
	u, _ := url.Parse(base)
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "ws" {
		return u.Host + ":80"
	}
	return u.Host + ":443"
}
