// Package memory decides how much garbage a node may gather before it is collected.
//
// Go's own rule lets garbage grow to as much as is alive. That is little where little is alive,
// so a busy node with few people in it collects all the time, and much where ten thousand
// connections are idle: they would take twice what they need. Here it may grow to [Base] and a
// quarter of what is alive.
package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// Base is how many bytes of garbage may gather where nothing is alive: what a busy node
	// makes in about a second.
	Base = 24 << 20

	// share of what is alive that may gather beside Base.
	share = 4

	// most is the highest percentage that Go is told, and normal its own.
	most, normal = 400, 100
)

// alive is what percentages are of: the heap, and what else a collection looks through.
var alive = []string{"/gc/heap/live:bytes", "/gc/scan/stack:bytes", "/gc/scan/globals:bytes"}

// Adapt sets how much garbage the process may gather, after every collection anew, until stop
// is called. GOGC and GOMEMLIMIT are decisions of an operator: where getenv knows one of them,
// Adapt does nothing. It is for the one node of a process.
func Adapt(getenv func(string) string) (stop func()) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	a := &adaption{percent: normal}
	for _, name := range alive {
		a.samples = append(a.samples, metrics.Sample{Name: name})
	}
	a.collected()
	return a.stop
}

// adaption is what Adapt knows.
type adaption struct {
	mu      sync.Mutex
	samples []metrics.Sample
	percent int // in force
	stopped bool
}

// beacon is garbage from its beginning: that it is gone says that there was a collection.
type beacon struct{ _ *beacon }

// collected is called after every collection, by the runtime.
func (a *adaption) collected() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	a.set(percent(a.alive()))
	runtime.AddCleanup(new(beacon), (*adaption).collected, a)
}

func (a *adaption) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	a.set(normal)
}

// set tells Go what is new; that stops everything for an instant.
func (a *adaption) set(percent int) {
	if percent != a.percent {
		debug.SetGCPercent(percent)
		a.percent = percent
	}
}

func (a *adaption) alive() (bytes uint64) {
	metrics.Read(a.samples)
	for _, s := range a.samples {
		bytes += s.Value.Uint64()
	}
	return bytes
}

// percent returns what share of what is alive may gather, in steps that are worth telling.
func percent(alive uint64) int {
	of := int(100 * (Base + alive/share) / max(alive, 1))
	return min(of-of%5, most)
}
