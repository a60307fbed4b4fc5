package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGarbageIsBoundedByWhatIsAliveAndMade(t *testing.T) {
	const mega = 1 << 20
	for _, tc := range []struct {
		alive uint64
		rate  float64 // bytes a second
		crowd bool
		want  int
	}{
		{0, 0, false, 400},
		{mega, 0, false, 400},
		{16 * mega, 0, false, 25},
		{16 * mega, 100 * mega, false, 200}, // Base
		{16 * mega, 100 * mega, true, 200},
		{64 * mega, 100 * mega, false, 100}, // as Go does
		{64 * mega, 100 * mega, true, 50},
		{64 * mega, 10 * mega, false, 46},
		{256 * mega, 0, false, 6},
		{256 * mega, 0, true, 6},
		{256 * mega, 20 * mega, false, 23},
		{256 * mega, 20 * mega, true, 23},
		{256 * mega, 100 * mega, true, 25},
		{16 << 30, 1e12, false, 100},
		{16 << 30, 1e12, true, 25},
	} {
		if got := percent(tc.alive, tc.rate, tc.crowd); got != tc.want {
			t.Errorf("%d bytes alive, %.0f a second, a crowd %t: %d %%, want %d", tc.alive, tc.rate, tc.crowd, got, tc.want)
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

// What a crowd was allowed is allowed no longer once it is there: the next collection may be long in coming.
func TestLessMayGatherAsSoonAsLessIsMade(t *testing.T) {
	held := make([]byte, 256<<20)
	runtime.GC()
	a := newAdaption(func() {})
	defer a.set(normal)
	if a.settle() {
		t.Error("memory is given back at the first glance")
	}
	a.set(highest)
	a.glanced = a.glanced.Add(-glance)
	a.settle()
	if got := current(); got >= 60 {
		t.Errorf("%d %% with 256 MiB alive, while nothing is made", got)
	}
	a.at, a.made = a.glanced.Add(-time.Hour), 0 // a crowd came in since the last collection
	if _, rate := a.look(); rate > 1<<20 {
		t.Errorf("%.0f bytes a second, while nothing is made", rate)
	}
	runtime.KeepAlive(held)
}

// What a crowd needed goes back to the machine once it is quiet.
func TestUnusedMemoryIsReturned(t *testing.T) {
	defer Adapt(func(string) string { return "" })()
	crowd := make([][]byte, 0, 128)
	for range cap(crowd) {
		crowd = append(crowd, make([]byte, 1<<20))
	}
	runtime.KeepAlive(crowd)
	runtime.GC()
	sample := []metrics.Sample{{Name: free}}
	patience := time.After(time.Minute)
	for metrics.Read(sample); ; metrics.Read(sample) {
		if sample[0].Value.Uint64() < 64<<20 {
			return
		}
		runtime.GC()
		select {
		case <-patience:
			t.Fatalf("%d bytes are kept", sample[0].Value.Uint64())
		default:
		}
	}
}

// What is left once nothing is made any more goes back as well, though nothing is collected.
func TestWhatAFloodLeavesIsReturned(t *testing.T) {
	returned := make(chan struct{}, 1)
	a := start(func() {
		select {
		case returned <- struct{}{}:
		default:
		}
	})
	defer a.stop()
	flood := make([][]byte, 0, 64)
	for range cap(flood) {
		flood = append(flood, make([]byte, 1<<20))
	}
	runtime.GC()
	runtime.KeepAlive(flood) // until the last collection, and not after
	a.mu.Lock()
	a.returned, a.kept = time.Time{}, 0 // whatever was before
	a.mu.Unlock()
	for len(returned) > 0 {
		<-returned
	}
	select {
	case <-returned:
	case <-time.After(time.Minute):
		t.Fatal("nothing is given back")
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
