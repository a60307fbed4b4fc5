package rest

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// pace is how often one person may do something that everybody in a room notices: burst times
// at once, and once more every so often. Each node counts for itself.
type pace struct {
	name  string
	burst int
	every time.Duration
}

// The paces are far beyond what people do by hand.
var (
	renames  = pace{"renames", 5, 12 * time.Second}
	changes  = pace{"changes of options", 20, 3 * time.Second}
	hostActs = pace{"acts", 60, time.Second} // on others; a host who goes through a crowd is fast
)

// paced returns f for those who are not too fast.
func paced[In, Out any](a *API, p pace, f func(request, In) (Out, error)) func(request, In) (Out, error) {
	return func(r request, in In) (out Out, err error) {
		if wait := a.steps.take(p, r.by.User, time.Now()); wait > 0 {
			return out, &problem{
				status: statusFor(tooManyRequests), code: string(tooManyRequests), retry: wait,
				message: fmt.Sprintf("Too many %s: try again in %.0f seconds", p.name, math.Ceil(wait.Seconds())),
			}
		}
		return f(r, in)
	}
}

// steps counts what people do. The zero value has seen nothing.
type steps struct {
	mu    sync.Mutex
	until map[step]time.Time // when nothing is left of what they did
	swept time.Time
}

type step struct{ pace, user string }

// sweepEvery is how often those are forgotten who have been slow for long.
const sweepEvery = time.Minute

// take counts one more, or returns how long to wait for it.
func (s *steps) take(p pace, user string, now time.Time) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[step]time.Time{}
	}
	if now.Sub(s.swept) > sweepEvery {
		s.swept = now
		for k, until := range s.until {
			if !until.After(now) {
				delete(s.until, k)
			}
		}
	}
	until := s.until[step{p.name, user}]
	if until.Before(now) {
		until = now
	}
	until = until.Add(p.every)
	if wait = until.Sub(now) - time.Duration(p.burst)*p.every; wait > 0 {
		return wait
	}
	s.until[step{p.name, user}] = until
	return 0
}
