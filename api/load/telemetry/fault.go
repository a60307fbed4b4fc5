package telemetry

import (
	"context"
	"time"
)

// Fault is something that befalls the server while a run lasts.
type Fault struct {
	Name string
	At   time.Duration // after the run has begun
	// Do brings it about and returns when it is over. When the context ends it is over at once: what was
	// stopped has to go on nonetheless, for it is asked what it has.
	Do func(ctx context.Context) error
}

// Befell is what became of a fault.
type Befell struct {
	Name  string  `json:"name"`
	At    float64 `json:"at"`   // seconds after the run had begun
	Took  float64 `json:"took"` // seconds
	Error string  `json:"error,omitempty"`
}

// befall lets faults happen, one after the other, until ctx ends; those that had begun are
// waited for.
func (r *run) befall(ctx context.Context) (all []Befell) {
	began := time.Now()
	for _, f := range r.plan.Faults {
		if wait(ctx, f.At-time.Since(began)); ctx.Err() != nil {
			break
		}
		b := Befell{Name: f.Name, At: time.Since(began).Seconds()}
		if err := f.Do(ctx); err != nil {
			b.Error = err.Error()
		}
		b.Took = time.Since(began).Seconds() - b.At
		all = append(all, b)
	}
	return all
}
