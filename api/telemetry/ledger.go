package telemetry

import (
	"math"
	"time"
)

// gapTime is for how long losses that are not in a row still go into one entry of the ledger,
// so that an overload for an hour is a few hundred lines. While the store is away all go into
// one.
const gapTime = 10 * time.Second

// ledger is what is not stored of one session. Its shard's lock guards it.
type ledger struct {
	entries int64
	open    [len(causes)]*gap
}

// gap is an entry that may still grow.
type gap struct {
	Entry
	dirty bool // there is more than was handed to the writer

	file, at int  // where it is spilled, twice in turns
	second   bool // the other one is the older
}

// add enters a loss and returns the gap when the writer has to be told of it.
func (l *ledger) add(id SessionID, loss Loss, now time.Time) *gap {
	g := l.open[loss.Cause]
	if g == nil || !g.extends(loss, now) {
		l.entries++
		g = &gap{Entry: Entry{Session: id, Number: l.entries, Loss: loss, Noted: now}}
		l.open[loss.Cause] = g
	} else {
		g.First = min(g.First, loss.First)
		g.Last = max(g.Last, loss.Last)
		g.Count = plus(g.Count, loss.Count)
	}
	if g.dirty {
		return nil
	}
	g.dirty = true
	return g
}

func (g *gap) extends(loss Loss, now time.Time) bool {
	return g.dirty || g.Last != math.MaxUint64 && loss.First == g.Last+1 || now.Sub(g.Noted) < gapTime
}

// plus adds without overflow: a source may claim any number.
func plus(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
