package calls

import (
	"context"
	"time"
)

// Sample samples now, beside what Run does by itself.
func (r *Recorder) Sample(ctx context.Context) error {
	r.tell(func() { r.sample(time.Now()) })
	return r.Flush(ctx)
}

// Settle waits until an event was made of everything that the Recorder was told before.
func (r *Recorder) Settle(ctx context.Context) error {
	done := make(chan struct{})
	r.tell(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
