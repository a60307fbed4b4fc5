package app

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"parley/api/media/mediatest"
)

func TestNewsOfOneMeetingAreToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := newNews()
		var told []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.run(ctx, func(_ context.Context, room string) { told = append(told, room) })
		}()
		synctest.Wait()
		n.add("first")
		synctest.Wait()
		if !slices.Equal(told, []string{"first"}) {
			t.Errorf("told of %q at once", told)
		}
		for range 1000 {
			n.add("crowd")
			n.add("another")
		}
		mediatest.Advance(t, 2*newsPause)
		if !slices.Equal(told, []string{"first", "another", "crowd"}) {
			t.Errorf("told of %q", told)
		}
		cancel()
		<-done
	})
}
