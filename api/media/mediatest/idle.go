package mediatest

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"testing"
	"time"

	"parley/api/media"
)

// Idle is what a session may cost while nothing flows. There are to be tens of thousands of
// them on a node, so what one keeps without need adds up.
type Idle struct {
	// Serve starts a server whose sessions are those of hub, and returns how to connect. That
	// waits until the session says something. Nobody is pinged.
	Serve func(t *testing.T, hub *media.Hub) (connect func())
	// Of is the code whose goroutines are those of sessions.
	Of *regexp.Regexp
	// Goroutines and Heap, in bytes, are the most that one may have. A Heap of 0 is any, for
	// where clients have too much of it themselves.
	Goroutines, Heap float64
}

// idleSessions are compared with none; what few things happen beside them does not matter then.
const idleSessions = 50

// Run measures.
func (i Idle) Run(t *testing.T) {
	hub := media.NewHub(media.Options{
		Node: "n", Relay: media.NewLocal("n"), Ledger: new(Ledger), Reporter: new(Reporter),
		Log: slog.New(slog.DiscardHandler), Grace: time.Nanosecond,
	})
	t.Cleanup(func() {
		if err := hub.Drain(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	connect := i.Serve(t, hub)
	connect() // makes what there is but once
	goroutines, heap := i.goroutines(t), alive()
	for range idleSessions {
		connect()
	}
	perGoroutines := float64(i.goroutines(t)-goroutines) / idleSessions
	perHeap := float64(alive()-heap) / idleSessions
	t.Logf("%.2f goroutines and %.0f bytes each", perGoroutines, perHeap)
	if perGoroutines > i.Goroutines {
		t.Errorf("%.2f goroutines each, want at most %.1f", perGoroutines, i.Goroutines)
	}
	if i.Heap > 0 && perHeap > i.Heap {
		t.Errorf("%.0f bytes each, want at most %.0f", perHeap, i.Heap)
	}
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

// alive returns the bytes that are not garbage.
func alive() int64 {
	runtime.GC() // what pools hold is let go by the second
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
