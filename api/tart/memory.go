package tart

import (
	"context"
	"sync"
	"time"
)

// fresh is for how long an answer is given again: what is asked by many at once is computed
// once.
const fresh = time.Second

// memory keeps answers for a moment. Whoever asks for one that is being computed waits for it,
// or for the end of their own context. The zero value is empty.
type memory struct {
	mu  sync.Mutex
	all map[string]*kept
}

// kept is an answer. The one token in busy belongs to who computes it.
type kept struct {
	busy chan struct{}
	at   time.Time
	v    any
}

// recall returns the answer of that name, and computes it when there is none that is fresh. A
// failure is nobody's answer but of who met it: the next one tries again.
func recall[T any](ctx context.Context, m *memory, name string, compute func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	if m.all == nil {
		m.all = map[string]*kept{}
	}
	k := m.all[name]
	if k == nil {
		k = &kept{busy: make(chan struct{}, 1)}
		m.all[name] = k
	}
	m.mu.Unlock()
	select {
	case k.busy <- struct{}{}:
		defer func() { <-k.busy }()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	if k.v != nil && time.Since(k.at) < fresh {
		return k.v.(T), nil
	}
	v, err := compute(ctx)
	if err == nil {
		k.v, k.at = v, time.Now()
	}
	return v, err
}
