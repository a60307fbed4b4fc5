package mediatest

import "testing"

// LeastAllocs returns how many allocations a run of f takes at least, of a hundred runs: exactly those that f
// makes every time. The race detector makes pools forget a quarter of what they are given, so a mean is not 0
// there. Like [testing.AllocsPerRun] it is not for parallel tests.
func LeastAllocs(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for range 99 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}
