package load

import (
	"context"
	"math/rand/v2"
	"time"
)

// storm cuts connections off, again and again until ctx ends or the run drains.
func (r *run) storm(ctx context.Context) {
	every := time.NewTicker(r.plan.StormEvery)
	defer every.Stop()
	source := rand.New(rand.NewPCG(r.plan.Seed, 0))
	for {
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
		hit := int(float64(len(r.all))*r.plan.StormShare + .5)
		for _, i := range source.Perm(len(r.all))[:hit] {
			r.all[i].away.Store(true)
			select {
			case r.all[i].cut <- struct{}{}:
			default: // it has not come back from the last one
			}
		}
	}
}

// away counts those who are on the way back from a storm.
func (r *run) away() (n int) {
	for _, p := range r.all {
		if p.away.Load() {
			n++
		}
	}
	return n
}

func (r *run) allBack() bool { return r.away() == 0 }
