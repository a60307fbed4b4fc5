package mediatest_test

import (
	"testing"

	"parley/api/media/mediatest"
	"parley/api/rooms/relaytest"
)

func TestLocal(t *testing.T) {
	relaytest.Run(t, func(*testing.T) relaytest.Pair {
		bus := mediatest.NewBus()
		a, b := bus.Node("a"), bus.Node("b")
		return relaytest.Pair{A: a, B: b, NodeA: "a", NodeB: "b", Kill: b.Close}
	})
}
