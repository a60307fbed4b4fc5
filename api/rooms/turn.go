package rooms

import (
	"runtime"
	"time"
)

// A session that always has more to do, because its peer floods or takes a lot, would keep a
// processor until it is taken away after ten milliseconds. Somebody who comes in needs a dozen
// goroutines to run one after the other, each behind all who are busy: so those let others go
// first, after a small part of that.
const (
	// turnPackets is after how many packets a session that reads lets others go first…
	turnPackets = 8
	// …if they came faster than this: others wait for packets anyway.
	turnTime = 8 * time.Millisecond

	// turnFrames is how many frames in one write are a turn.
	turnFrames = batchFrames / 2

	// turnOutlets is to how many connections a courier writes in one turn.
	turnOutlets = 32
)

// turn counts the packets that a session reads. One goroutine uses it.
type turn struct {
	packets int
	began   time.Time
}

// over counts one packet, and lets others go first when it is time to.
func (t *turn) over() {
	if t.packets++; t.packets < turnPackets {
		return
	}
	now := time.Now()
	if now.Sub(t.began) < turnTime {
		runtime.Gosched()
	}
	t.packets, t.began = 0, now
}
