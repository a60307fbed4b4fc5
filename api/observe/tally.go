package observe

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Tally counts something that may happen for every packet and logs it at most once a second,
// with the number of occurrences and the last error.
type Tally struct {
	log  *slog.Logger
	msg  string
	n    atomic.Uint64
	last atomic.Pointer[error]
}

// NewTally returns a Tally that writes msg as a warning to log. Nothing is written until Run.
func NewTally(log *slog.Logger, msg string) *Tally { return &Tally{log: log, msg: msg} }

// Add counts one occurrence. It does not block, and does not allocate when err is nil.
func (t *Tally) Add(err error) {
	t.n.Add(1)
	if err != nil {
		last := err // a copy: taking the address of err would move it to the heap every time
		t.last.Store(&last)
	}
}

// Run writes the lines until ctx ends, then a final one for the remainder. It always returns
// nil, so that it can be part of an errgroup.
func (t *Tally) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.flush(ctx)
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (t *Tally) flush(ctx context.Context) {
	n := t.n.Swap(0)
	if n == 0 {
		return
	}
	attrs := []slog.Attr{slog.Uint64(KeyCount, n)}
	if last := t.last.Swap(nil); last != nil {
		attrs = append(attrs, slog.Any(KeyErr, *last))
	}
	t.log.LogAttrs(ctx, slog.LevelWarn, t.msg, attrs...)
}
