package telemetry

import (
	"testing"
	"time"
)

// Engines that begin sessions at the same time, as many as fit into a millisecond and more, give no number twice.
func TestSessionsHaveNumbersOfTheirOwn(t *testing.T) {
	now := time.Now()
	seen := map[SessionID]bool{}
	for engine := range int64(64) {
		e := &Engine{hub: newHub(engine<<10 + 7)} // alike in the lower bits
		for last, n := FirstSession(now)-1, 0; n < 5000; n++ {
			id := e.nextID(now)
			if seen[id] || id <= last {
				t.Fatalf("session %d of engine %d has number %d after %d, which was given before: %v", n, engine, id, last, seen[id])
			}
			seen[id], last = true, id
		}
	}
}
