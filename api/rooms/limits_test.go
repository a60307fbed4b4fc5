package rooms_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// TestCongestionRule walks through the rule: the fifth loss of a sender within a second, at
// most one notice per sender and second.
func TestCongestionRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c rooms.Congestion
		lose := func(sender media.SessionID, n int) (notices int) {
			for range n {
				if c.Lost(sender, time.Now()) {
					notices++
				}
			}
			return notices
		}
		if lose(1, 4)+lose(2, 4) != 0 {
			t.Error("told before the fifth loss")
		}
		if lose(1, 1) != 1 || lose(2, 1) != 1 {
			t.Error("senders are not counted apart")
		}
		if lose(1, 50) != 0 {
			t.Error("told twice within a second")
		}
		mediatest.Advance(t, time.Second+time.Millisecond)
		if lose(1, 4) != 0 {
			t.Error("the window did not start again")
		}
		if lose(1, 1) != 1 {
			t.Error("not told in the second window")
		}
		mediatest.Advance(t, 500*time.Millisecond)
		lose(2, 4)
		mediatest.Advance(t, time.Second+time.Millisecond)
		if lose(2, 4) != 0 {
			t.Error("losses of an old window count")
		}
		if lose(0, 100) != 0 {
			t.Error("told about packets of the server")
		}
	})
}

func TestCongestionForgetsOldSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c rooms.Congestion
		c.Lost(1, time.Now())
		mediatest.Advance(t, 2*time.Second)
		c.Lost(2, time.Now())
		mediatest.Advance(t, 9*time.Second)
		for range 98 { // the hundredth loss purges
			c.Lost(3, time.Now())
		}
		if got := c.Senders(); got != 2 {
			t.Errorf("%d senders are remembered, want those of the last ten seconds", got)
		}
	})
}
