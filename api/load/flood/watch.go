package flood

import (
	"context"
	"slices"
	"strings"
	"time"

	"parley/api/load"
)

// watch looks at a server as far as that is possible; it may be of nil.
type watch struct{ *load.Watch }

// lookEvery is how often memory is looked at while a flood is on.
const lookEvery = 100 * time.Millisecond

// resident returns the memory of the server, 0 when that is not known.
func (w watch) resident() uint64 {
	if w.Watch == nil {
		return 0
	}
	return load.Resident(w.PIDs...)
}

// most returns the most memory that the server had until ctx ends.
func (w watch) most(ctx context.Context) (most uint64) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		most = max(most, w.resident())
		select {
		case <-every.C:
		case <-ctx.Done():
			return most
		}
	}
}

// telling are words in the names of counters that tell what a server did about a flood.
var telling = []string{"dropped", "refused", "rejected", "limited", "unasked", "given_up", "bad_hellos", "too_large", "undecodable", "joins_total"}

// tells reports whether a counter tells that.
func tells(name string) bool {
	return slices.ContainsFunc(telling, func(word string) bool { return strings.Contains(name, word) })
}

// counts returns what the server counted so far of that, by name and labels.
func (w watch) counts(ctx context.Context) (map[string]float64, error) {
	if w.Watch == nil || w.Metrics == "" {
		return nil, nil
	}
	return load.Counters(ctx, w.Metrics, tells)
}

// grown returns by how much counters grew, without those that did not.
func grown(before, after map[string]float64) map[string]float64 {
	m := make(map[string]float64)
	for name, v := range after {
		if d := v - before[name]; d > 0 {
			m[name] = d
		}
	}
	return m
}
