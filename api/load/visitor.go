package load

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// visit is how long a visitor is there.
	visit = 300 * time.Millisecond

	// visitsMost are on their way at once. A server that lets nobody in any more is not asked
	// more often by this.
	visitsMost = 1000
)

// receiveVisitors lets people come at a steady rate while the run measures. It returns when it is
// over, and before those who came have left, for whom all waits.
func (r *run) receiveVisitors(ctx context.Context, all *sync.WaitGroup) {
	every := time.NewTicker(time.Duration(float64(time.Second) / r.plan.Visits))
	defer every.Stop()
	slots := make(chan struct{}, visitsMost)
	for n := 0; ; n++ {
		select {
		case <-every.C:
		case <-r.clock.over:
			return
		case <-ctx.Done():
			return
		}
		if r.clock.at() != measuring {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			r.failed(context.DeadlineExceeded) // so many are waiting
			continue
		}
		p := r.visitor(n)
		all.Go(func() {
			defer func() { <-slots }()
			p.visit(ctx)
		})
	}
}

// visitor returns somebody who is no member of the plan: nobody expects anything of them, and they
// expect nothing.
func (r *run) visitor(n int) *participant {
	return &participant{
		room:  r.rooms[n%len(r.rooms)],
		name:  strings.Join([]string{"visitor", strconv.FormatUint(r.id&0xfffff, 36), strconv.Itoa(n + 1)}, "-"),
		base:  strings.TrimSuffix(r.plan.URLs[n%len(r.plan.URLs)], "/"),
		tally: &r.passing, cut: make(chan struct{}, 1), learned: make(chan struct{}, 1), known: make(map[*participant]uint64),
	}
}

// visit joins, stays for a moment and leaves.
func (p *participant) visit(ctx context.Context) {
	c, took, err := p.join(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.run.failed(err)
		}
		return
	}
	p.run.visits.add(took)
	sleep(ctx, visit)
	_ = c.Close() // however that ends, the visit is over
}
