package mediatest

import (
	"slices"
	"testing"
)

// Allocs returns how many allocations two runs of f take, one after the other: no more are made in 20 of 100 such pairs,
// of a thousand. The race detector makes pools forget a quarter of what they are given, so a mean is not 0 there, while
// what takes from two pools still makes none in 31 of 100 pairs.
//
// So it sees what f allocates every time, or every other time, and not what it does now and then. Like
// [testing.AllocsPerRun] it is not for parallel tests.
func Allocs(f func()) float64 {
	pairs := make([]float64, 1000)
	for i := range pairs {
		pairs[i] = testing.AllocsPerRun(1, func() {
			f()
			f()
		})
	}
	slices.Sort(pairs)
	return pairs[len(pairs)*20/100]
}
