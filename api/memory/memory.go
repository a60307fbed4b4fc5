// Package memory knows how much memory there is, and decides how much garbage a node may gather before
// it is collected.
//
// Go's own rule lets garbage grow to as much as is alive, whatever goes on. Ten thousand idle
// connections take twice what they need by that, for garbage that nobody makes. Here it may grow
// to what is made in [Interval], within bounds: an idle node holds little beside what is alive, and
// a busy one collects no more often than by Go's rule, or less where little is alive. While a crowd comes
// in, less may gather: what stays lies among it, and the holes that it leaves are as good as lost. What a
// crowd needed meanwhile goes back to the machine, which Go does by and by.
package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// Interval is the time between two collections of a node that has room for it.
	Interval = 3 * time.Second

	// Base is what may gather in any case where that much is made, in bytes.
	Base = 32 << 20

	// least may always gather, and so may one part in share of what is alive: collections that
	// follow each other closely cost more than memory.
	least = 4 << 20
	share = 16

	// crowded is the part of what is alive that may gather at most while more and more is, and grown
	// by which part that has to be more than before. Of 2,000 sessions over WebTransport each takes
	// 8 KB less by that, and the processors work 10 % longer until they are there.
	crowded = 4
	grown   = 32

	// returnEvery is the shortest time between two returns of memory that is not used, and
	// returnFrom how much that has to be, in bytes, beside a quarter of what is alive.
	returnEvery = 10 * time.Second
	returnFrom  = 16 << 20

	// glance is how often a node is looked at that is not collected meanwhile, for it makes little.
	glance = 2 * time.Second

	// highest is the highest percentage that Go is told, and normal its own.
	highest, normal = 400, 100
)

// alive is what percentages are of: the heap, and what else a collection looks through.
var alive = []string{"/gc/heap/live:bytes", "/gc/scan/stack:bytes", "/gc/scan/globals:bytes"}

// allocated is what was ever made, free what the process has and does not use.
const (
	allocated = "/gc/heap/allocs:bytes"
	free      = "/memory/classes/heap/free:bytes"
)

// Adapt sets how much garbage the process may gather, after every collection anew and as soon as
// less of it is made, until stop is called. GOGC and GOMEMLIMIT are decisions of an operator: where
// getenv knows one of them, Adapt does nothing. It is for the one node of a process.
func Adapt(getenv func(string) string) (stop func()) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	return sync.OnceFunc(start(debug.FreeOSMemory).stop)
}

// start begins what Adapt does; release gives memory back.
func start(release func()) *adaption {
	a := newAdaption(release)
	a.adapt()
	go a.watch() // stop waits for it
	return a
}

func newAdaption(release func()) *adaption {
	a := &adaption{percent: normal, release: release, end: make(chan struct{}), ended: make(chan struct{})}
	for _, name := range append([]string{allocated, free}, alive...) {
		a.samples = append(a.samples, metrics.Sample{Name: name})
	}
	return a
}

// adaption is what Adapt knows.
type adaption struct {
	release func()

	mu      sync.Mutex
	samples []metrics.Sample
	percent int // in force
	stopped bool

	at    time.Time // of the last collection
	made  uint64    // until then, in bytes
	alive uint64    // then

	returned time.Time // last
	kept     uint64    // made until then

	// Of the last glance.
	glanced time.Time
	seen    uint64  // made until then
	lately  float64 // made in a second before

	end, ended chan struct{} // of watch
}

// beacon is garbage from its beginning: that it is gone says that there was a collection.
type beacon struct{ _ *beacon }

// collected is called after every collection, by the runtime.
func (a *adaption) collected() {
	if a.adapt() {
		a.release() // collects as well, and is told of that later
	}
}

// adapt reports whether there is much to give back, on a node that will not want it at once.
func (a *adaption) adapt() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return false
	}
	before := a.alive
	alive, rate := a.look()
	a.set(percent(alive, rate, alive > before+before/grown))
	runtime.AddCleanup(new(beacon), (*adaption).collected, a)
	unused := a.samples[1].Value.Uint64()
	if unused < returnFrom+alive/4 || rate*Interval.Seconds() > float64(alive) || a.at.Sub(a.returned) < returnEvery {
		return false
	}
	a.returned, a.kept = a.at, a.made
	return true
}

// watch sees that a crowd is over, and gives back what it left: no collection tells of it where
// little is made.
func (a *adaption) watch() {
	defer close(a.ended)
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if a.settle() {
				a.release()
			}
		case <-a.end:
			return
		}
	}
}

// settle lets less gather from now on if less is made than before: until the next collection that may be
// long. It reports whether memory is to be given back: much was made since that was last done, and hardly
// anything of late.
func (a *adaption) settle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	alive, made := a.read()
	now := time.Now()
	first, lately := a.glanced.IsZero(), made-a.seen
	a.lately = perSecond(lately, now.Sub(a.glanced))
	a.glanced, a.seen = now, made
	if first {
		return false
	}
	if p := percent(alive, a.lately, false); p < a.percent {
		a.set(p)
	}
	if made-a.kept < returnFrom+alive/4 || lately > least || now.Sub(a.returned) < returnEvery {
		return false
	}
	a.returned, a.kept = now, made
	return true
}

func (a *adaption) stop() {
	close(a.end)
	<-a.ended
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	a.set(normal)
}

// set tells Go what is new and differs; that stops everything for an instant.
func (a *adaption) set(percent int) {
	if differs := percent - a.percent; percent == normal || max(differs, -differs)*10 > a.percent {
		debug.SetGCPercent(percent)
		a.percent = percent
	}
}

// look returns how many bytes are alive after a collection, and how many are made in a second.
func (a *adaption) look() (alive uint64, rate float64) {
	alive, made := a.read()
	now := time.Now()
	switch since := now.Sub(a.at); {
	case a.at.IsZero():
	case since > 2*glance: // there were glances, and a crowd may have been over by then
		rate = a.lately
	default:
		rate = perSecond(made-a.made, since)
	}
	a.at, a.made, a.alive = now, made, alive
	return alive, rate
}

// read returns how many bytes were alive at the last collection, and how many were ever made.
func (a *adaption) read() (alive, made uint64) {
	metrics.Read(a.samples)
	for _, s := range a.samples[2:] {
		alive += s.Value.Uint64()
	}
	return alive, a.samples[0].Value.Uint64()
}

func perSecond(bytes uint64, in time.Duration) float64 {
	return float64(bytes) / max(in, time.Millisecond).Seconds()
}

// percent returns how much may gather, as Go wants to know it: of what is alive. A crowd comes in while
// that grows.
func percent(alive uint64, rate float64, crowd bool) int {
	bound := alive
	if crowd {
		bound /= crowded
	}
	gather := min(max(uint64(rate*Interval.Seconds()), alive/share, least), max(bound, Base))
	return int(min(100*gather/max(alive, 1), highest))
}
