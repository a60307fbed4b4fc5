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
