package rooms

import (
	"context"
	"sync"
)

// agenda is a list of acts that are worked off in order, by a goroutine that is there while there are
// some: most rooms have nothing to do nearly all the time. Adding never blocks.
type agenda struct {
	start func() // starts a goroutine that calls work

	mu     sync.Mutex
	acts   []func(context.Context)
	works  bool // that goroutine is there, or there will be no other
	closed bool
}

// add appends act, which is called unless work has returned true before.
func (a *agenda) add(act func(context.Context)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acts = append(a.acts, act)
	a.call()
}

// close makes work return true once nothing is left to do.
func (a *agenda) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.call()
}

// call sees to it that somebody works; a.mu is held.
func (a *agenda) call() {
	if !a.works {
		a.works = true
		a.start()
	}
}

// work works off what is there and what is added meanwhile, and reports whether that was the last: the
// agenda is closed.
func (a *agenda) work(ctx context.Context) (last bool) {
	for {
		a.mu.Lock()
		acts := a.acts
		a.acts = nil
		if len(acts) == 0 {
			defer a.mu.Unlock()
			a.works = a.closed
			return a.closed
		}
		a.mu.Unlock()
		for _, act := range acts {
			act(ctx)
		}
	}
}
