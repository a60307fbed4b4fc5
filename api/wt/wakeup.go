package wt

import (
	"errors"
	"time"
)

// wakeup is the context of waits that others end: by one value each, for its channel is never closed.
type wakeup chan struct{}

// errWoken is why such a wait ended.
var errWoken = errors.New("webtransport: something else arrived")

// wake ends the wait that goes on, or the next.
func (w wakeup) wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Deadline implements [context.Context].
func (w wakeup) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements [context.Context].
func (w wakeup) Done() <-chan struct{} { return w }

// Err is asked for after Done.
func (w wakeup) Err() error { return errWoken }

// Value implements [context.Context].
func (w wakeup) Value(any) any { return nil }
