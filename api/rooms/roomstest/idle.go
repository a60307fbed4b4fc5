// Package roomstest has what tests of transports need of rooms.
package roomstest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"testing"
	"time"

	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// Idle is what a session may cost while nothing flows. There are to be tens of thousands of
// them on a node, so what one keeps without need adds up.
type Idle struct {
	// Serve starts a server whose sessions are those of hub, and returns how to connect. That
	// waits until the session says something. Nobody is pinged.
	Serve func(t *testing.T, hub *rooms.Hub) (connect func())
	// Bare is Serve for the library alone: what no server that uses it stays below. It is measured the
	// same way, and both are logged.
	Bare func(t *testing.T) (connect func())
	// Of is the code whose goroutines are those of sessions.
	Of *regexp.Regexp
	// Goroutines and Heap, in bytes, are the most that one may have. The heap has what clients need as well.
	Goroutines, Heap float64
}

// idleSessions are compared with none; what few things happen beside them does not matter then.
const idleSessions = 50

// Run measures.
func (i Idle) Run(t *testing.T) {
	hub := rooms.NewHub(rooms.Options{
		Node: "n", Relay: mediatest.NewLocal("n"), Ledger: new(mediatest.Ledger), Reporter: new(mediatest.Reporter),
		Log: slog.New(slog.DiscardHandler), Grace: time.Nanosecond,
	})
	t.Cleanup(func() {
		if err := hub.Drain(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	t.Logf("the library alone: %v", i.measure(t, i.Bare(t)))
	each := i.measure(t, i.Serve(t, hub))
	t.Logf("a session: %v", each)
	if each.ours > i.Goroutines {
		t.Errorf("%.2f goroutines each, want at most %.1f", each.ours, i.Goroutines)
	}
	if each.heap > i.Heap {
		t.Errorf("%.0f bytes each, want at most %.0f", each.heap, i.Heap)
	}
}

// usage is what a connection has, with its client where that is in the same process.
type usage struct {
	ours, all   float64 // goroutines: of Idle.Of, and of anything
	heap, stack float64 // bytes
}

func (u usage) String() string {
	return fmt.Sprintf("%.2f goroutines of %.2f, %.1f KiB of heap, %.1f KiB of stacks", u.ours, u.all, u.heap/1024, u.stack/1024)
}

// measure returns what each has that connect makes.
func (i Idle) measure(t *testing.T, connect func()) usage {
	connect() // makes what there is but once
	before := i.used(t)
	for range idleSessions {
		connect()
	}
	after := i.used(t)
	return usage{
		(after.ours - before.ours) / idleSessions, (after.all - before.all) / idleSessions,
		(after.heap - before.heap) / idleSessions, (after.stack - before.stack) / idleSessions,
	}
}

// used returns what the process has.
func (i Idle) used(t *testing.T) usage {
	runtime.GC() // what pools hold is let go by the second
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{float64(i.goroutines(t)), float64(runtime.NumGoroutine()), float64(m.HeapAlloc), float64(m.StackInuse)}
}

// stackOf is the head of each group of goroutines with the same stack in a profile.
var stackOf = regexp.MustCompile(`(?m)^(\d+) @ `)

// goroutines counts those of i.Of.
func (i Idle) goroutines(t *testing.T) (n int) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	for group := range bytes.SplitSeq(profile.Bytes(), []byte("\n\n")) {
		if head := stackOf.FindSubmatch(group); head != nil && i.Of.Match(group) {
			k, _ := strconv.Atoi(string(head[1]))
			n += k
		}
	}
	return n
}
