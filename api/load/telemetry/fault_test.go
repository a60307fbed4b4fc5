package telemetry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A run that is broken off waits for no fault that goes on, and brings about no other.
func TestFaultsEndWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		lasts := func(ctx context.Context) error {
			wait(ctx, time.Hour)
			return nil
		}
		r := &run{plan: Plan{Faults: []Fault{{Name: "one", At: time.Second, Do: lasts}, {Name: "another", At: 2 * time.Second, Do: lasts}}}}
		began := time.Now()
		if all := r.befall(ctx); len(all) != 1 || all[0].At != 1 || all[0].Took != 2 || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %v", all, time.Since(began))
		}
	})
}
