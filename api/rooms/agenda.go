package rooms

import (
	"context"
	"sync"
)

// agenda is a list of acts that one goroutine works off in order. Adding never blocks.
type agenda struct {
	ready chan struct{} // capacity 1

	mu     sync.Mutex
	acts   []func(context.Context)
	closed bool
}

func (a *agenda) add(act func(context.Context)) {
	a.mu.Lock()
	a.acts = append(a.acts, act)
	a.mu.Unlock()
	a.wake()
}

func (a *agenda) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.wake()
}

func (a *agenda) wake() {
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

// take yields the acts that wait, and those added meanwhile, until there is none.
func (a *agenda) take() func(yield func(func(context.Context)) bool) {
	return func(yield func(func(context.Context)) bool) {
		for {
			a.mu.Lock()
			acts := a.acts
			a.acts = nil
			a.mu.Unlock()
			if len(acts) == 0 {
				return
			}
			for _, act := range acts {
				if !yield(act) {
					return
				}
			}
		}
	}
}

// done reports whether the agenda is closed and empty.
func (a *agenda) done() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed && len(a.acts) == 0
}
