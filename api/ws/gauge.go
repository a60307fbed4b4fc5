package ws

import (
	"cmp"
	"sync/atomic"
	"time"
)

const (
	// gaugeWrites is how many writes go by between two looks while nothing waits: on a path that
	// carries a call they are a fifth of a second. While something waits it looks four times as often.
	gaugeWrites = 16

	// gaugeTime is over how much time a rate is measured at least: receivers take what they get in bursts.
	// A pause that is not the path's own needs as much time again: who stops for a while and then takes all at
	// once is not slow.
	gaugeTime = 200 * time.Millisecond

	// outage is from when on it counts as such that nothing got through: paths that are narrow take
	// something more often.
	outage = 500 * time.Millisecond

	// wide is the rate from which on nobody need care, in bytes a second: a full batch takes a tenth of
	// a second there.
	wide = corkBytes * 10

	// trust is how long a rate is believed while nothing waits. Then it counts as twice as much, and so
	// on: a path that was narrow for a moment is found to be wide by trying.
	trust = 5 * time.Second

	// queuedLong is from when on what is on its way waits for other than the distance.
	queuedLong = 100 * time.Millisecond

	// unsentTime is for how long what the kernel holds unsent may last, and unsentLeast what it may
	// hold in any case, in bytes.
	unsentTime  = 100 * time.Millisecond
	unsentLeast = 4 << 10
)

// view is what the kernel knows of a connection.
type view struct {
	taken  int64         // bytes that the peer confirmed, since it is connected
	unsent int           // bytes that are not on their way yet
	queued time.Duration // for how long what is on its way waits in the network
	shut   time.Duration // for how long the peer had room for less than there was, since it is connected
}

// gauge measures how fast a peer takes what it is sent, while there is always something for it. One
// goroutine at a time uses it, but for rate.
type gauge struct {
	measured atomic.Uint32 // bytes a second, below wide; 0 is nothing known
	at       atomic.Int64  // Unix ns; when something last waited

	writes int
	since  time.Time     // zero while nothing waits
	taken  int64         // by the peer, at that time
	last   int64         // taken, at the last look
	moved  time.Time     // when the last look was that found more taken than the one before
	shut   time.Duration // of the view at that time
	pause  time.Duration // the longest after since that was the peer's own, or an outage
	looked time.Time     // when the last look was
	waited bool          // and whether the kernel took no more then
	most   int           // that the kernel may hold unsent; 0 is unsentMost
}

// rate returns what the peer takes, in bytes a second; 0 is more than matters.
func (g *gauge) rate() int {
	r := int64(g.measured.Load())
	if r == 0 {
		return 0
	}
	if calm := time.Now().UnixNano() - g.at.Load(); calm > int64(trust) {
		r <<= min(calm/int64(trust), 32)
	}
	if r >= wide {
		return 0
	}
	return int(r)
}

// due counts a write and reports whether to look: when it did not go at once, and now and then.
func (g *gauge) due(waits bool) bool {
	g.writes++
	return waits || g.writes >= gaugeWrites || g.writes >= gaugeWrites/4 && !g.since.IsZero()
}

// begin begins to measure.
func (g *gauge) begin(v view, now time.Time) {
	g.since, g.moved, g.pause = now, now, 0
	g.taken, g.last, g.shut = v.taken, v.taken, v.shut
}

// look is told what the kernel knows; waits says that it takes no more. It returns how much it should
// hold unsent, and whether that changed.
func (g *gauge) look(v view, waits bool, now time.Time) (most int, changed bool) {
	g.writes = 0
	idle := !g.waited && now.Sub(g.looked) > outage // nothing was sent for long: that says nothing of the peer
	g.looked, g.waited = now, waits
	calm := !waits && v.unsent == 0 && v.queued < queuedLong
	if !calm && !idle {
		g.at.Store(now.UnixNano())
	}
	switch passed := now.Sub(g.since); {
	case calm:
		g.since = time.Time{} // from now on it is not known whether the peer took all that it could
	case idle, g.since.IsZero():
		g.begin(v, now)
	case v.taken == g.last:
		// Whether it is slow or does nothing at all is known when it takes something.
	default:
		if pause := now.Sub(g.moved); pause > outage || v.shut-g.shut > pause/2 {
			g.pause = max(g.pause, pause)
		}
		g.last, g.moved, g.shut = v.taken, now, v.shut
		if passed < max(gaugeTime, 2*g.pause) {
			break
		}
		r := float64(v.taken-g.taken) / passed.Seconds()
		if old := g.rate(); old > 0 {
			r = (r + float64(old)) / 2
		}
		if r >= wide {
			r = 0
		} else {
			r = max(r, 1)
		}
		g.measured.Store(uint32(r))
		g.begin(v, now)
	}
	most = unsentMost
	if r := g.rate(); r > 0 {
		most = min(max(int(float64(r)*unsentTime.Seconds()), unsentLeast), unsentMost)
	}
	if old := cmp.Or(g.most, unsentMost); most > old*3/4 && most < old*4/3 {
		return old, false
	}
	g.most = most
	return most, true
}
