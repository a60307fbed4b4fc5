package observe

import (
	"sync/atomic"
	"time"
)

// Seldom keeps what happens to many at once from being said as often. The zero value is ready; any
// goroutine may use it.
type Seldom struct {
	last   atomic.Int64 // Unix ns
	unsaid atomic.Uint64
}

// Say reports whether it is time to say it again, at most once in a while, and how often it was not
// said since the last time.
func (s *Seldom) Say(now time.Time, every time.Duration) (unsaid uint64, say bool) {
	last := s.last.Load()
	if now.UnixNano()-last < int64(every) || !s.last.CompareAndSwap(last, now.UnixNano()) {
		s.unsaid.Add(1)
		return 0, false
	}
	return s.unsaid.Swap(0), true
}
