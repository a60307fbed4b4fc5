//go:build linux

// Package cabletest lays cables for tests.
package cabletest

import (
	"errors"
	"os"
	"testing"

	"parley/api/lossy/cable"
)

// Required, in the environment, makes tests fail where no cable can be laid.
const Required = "PARLEY_TEST_NETWORKS"

// Lay lays a cable that is there until the test ends. Where none can be laid the test is skipped,
// and says so, unless the environment asks for it.
func Lay(tb testing.TB) *cable.Cable {
	tb.Helper()
	c, err := cable.Lay()
	switch {
	case errors.Is(err, cable.ErrImpossible) && os.Getenv(Required) == "":
		tb.Skipf("NOT TESTED, for this machine makes no networks that lose packets: %v", err)
	case err != nil:
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	tb.Logf("networks joined by %v", c)
	return c
}

// Spoil makes a cable good or bad.
func Spoil(tb testing.TB, c *cable.Cable, t cable.Trouble) {
	tb.Helper()
	if err := c.Spoil(t); err != nil {
		tb.Fatal(err)
	}
}
