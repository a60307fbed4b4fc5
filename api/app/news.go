package app

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// newsPause is the time between two rounds of telling watchers what changed. A thousand
// people who come in are a thousand changes of one meeting: watchers read it a few times.
const newsPause = 100 * time.Millisecond

// news collects rooms whose meeting changed, until those who watch are told.
type news struct {
	wake chan struct{}

	mu    sync.Mutex
	rooms map[string]struct{}
}

func newNews() *news {
	return &news{wake: make(chan struct{}, 1), rooms: map[string]struct{}{}}
}

// add never blocks.
func (n *news) add(room string) {
	n.mu.Lock()
	n.rooms[room] = struct{}{}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	rooms := slices.Sorted(maps.Keys(n.rooms))
	clear(n.rooms)
	return rooms
}

// run calls tell for every room that was added, once for any number of times within a pause,
// until ctx ends.
func (n *news) run(ctx context.Context, tell func(ctx context.Context, room string)) {
	pause := time.NewTicker(newsPause)
	defer pause.Stop()
	for {
		select {
		case <-n.wake:
		case <-ctx.Done():
			return
		}
		for _, room := range n.take() {
			bounded, cancel := context.WithTimeout(ctx, tellTime)
			tell(bounded, room)
			cancel()
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}
