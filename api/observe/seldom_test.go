package observe_test

import (
	"testing"
	"time"

	"parley/api/observe"
)

func TestSeldom(t *testing.T) {
	var s observe.Seldom
	now := time.Now()
	for i, want := range []struct {
		unsaid uint64
		say    bool
	}{{0, true}, {0, false}, {0, false}, {2, true}, {0, true}} {
		if i > 2 {
			now = now.Add(time.Second)
		}
		if unsaid, say := s.Say(now, time.Second); unsaid != want.unsaid || say != want.say {
			t.Errorf("time %d: %d, %v", i, unsaid, say)
		}
	}
}
