package memory

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbageIsBoundedByWhatIsAlive(t *testing.T) {
	for _, tc := range []struct {
		alive uint64
		want  int
	}{
		{0, 400},
		{4 << 20, 400},
		{32 << 20, 100},
		{64 << 20, 60},
		{256 << 20, 30},
		{16 << 30, 25},
	} {
		if got := percent(tc.alive); got != tc.want {
			t.Errorf("%d bytes alive: %d %%, want %d", tc.alive, got, tc.want)
		}
	}
}

// What the runtime is told follows what is alive, and is forgotten with the node.
func TestAdaptsAfterCollections(t *testing.T) {
	before := current()
	stop := Adapt(func(string) string { return "" })
	defer stop()
	held := make([]byte, 256<<20)
	patience := time.After(time.Minute)
	for current() >= 60 { // the runtime tells of a collection when it gets to it
		runtime.GC()
		select {
		case <-patience:
			t.Fatalf("%d %% with 256 MiB alive", current())
		default:
		}
	}
	runtime.KeepAlive(held)
	stop()
	if got := current(); got != normal {
		t.Errorf("%d %% remain, before there were %d", got, before)
	}
}

func TestOperatorDecides(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		before := current()
		stop := Adapt(func(asked string) string {
			if asked == name {
				return "60"
			}
			return ""
		})
		if got := current(); got != before {
			t.Errorf("%s: %d %%, was %d", name, got, before)
		}
		stop()
	}
}

// current returns the percentage in force.
func current() int {
	was := debug.SetGCPercent(normal)
	debug.SetGCPercent(was)
	return was
}
