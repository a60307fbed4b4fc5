package rooms

import (
	"sync/atomic"
	"time"

	"parley/api/wire"
)

// A receiver that does not keep up is sent lower layers before it loses frames: when half of what
// may wait for it does, or for half as long, it gets one layer less, and is told so. After a
// while without that it gets one more. What its client chooses is a bound all the while.
type strain struct {
	spared  atomic.Uint32 // how many of the layers at the top are not sent
	changed atomic.Int64  // Unix ns
}

const (
	// strainPause is the time between two steps down: the first has to show its effect.
	strainPause = time.Second
	// strainOver is how long nothing must have been late before a step up.
	strainOver = 10 * time.Second
)

// ceiling is the highest layer that may be sent.
func (s *strain) ceiling() uint32 { return wire.MaxLayer - s.spared.Load() }

// below makes layer too much, unless it is the lowest or something changed a moment ago, and
// reports whether it did.
func (s *strain) below(layer uint32, now time.Time) bool {
	if layer == 0 || layer > s.ceiling() || !s.turn(strainPause, now) {
		return false
	}
	s.spared.Store(wire.MaxLayer - layer + 1)
	return true
}

// relax makes one more layer possible when nothing was late for long enough, and reports
// whether it did.
func (s *strain) relax(now time.Time) bool {
	n := s.spared.Load()
	return n > 0 && s.turn(strainOver, now) && s.spared.CompareAndSwap(n, n-1)
}

// hold begins the wait for better times anew.
func (s *strain) hold(now time.Time) {
	if s.spared.Load() > 0 && now.UnixNano()-s.changed.Load() > int64(strainPause) {
		s.changed.Store(now.UnixNano())
	}
}

// turn reports whether the last change was long enough ago, and counts this as one.
func (s *strain) turn(after time.Duration, now time.Time) bool {
	last := s.changed.Load()
	return now.UnixNano()-last >= int64(after) && s.changed.CompareAndSwap(last, now.UnixNano())
}
