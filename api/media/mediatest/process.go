package mediatest

import (
	"io"
	"os"
	"os/exec"
	"testing"
)

// Again starts this program again, with env besides its own environment: as the far end of what is measured here,
// whose processor time is not counted. That has to end when its standard input does. out gets what it says,
// or nobody where it is nil. Who calls stop closes in and waits for it.
func Again(t testing.TB, out io.Writer, env ...string) (in io.Writer, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	orders, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return orders, func() {
		_ = orders.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
