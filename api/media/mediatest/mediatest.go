// Package mediatest has what tests of rooms and sessions need without a network: a Conn
// made of channels, makers of packets, a relay that stays in the process, a ledger and a reporter
// that remember.
package mediatest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Advance moves the fake clock of the enclosing synctest bubble by d and waits until every
// goroutine in it is blocked again. It holds the only time.Sleep in our tests.
func Advance(t testing.TB, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
}
