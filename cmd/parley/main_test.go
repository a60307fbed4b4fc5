package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts parley itself into PATH, for scripts and for tests that start nodes.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parley": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// devserver starts a node with everything embedded and sets what its ready file says:
			// $HTTP, $DATABASE, $NATS.
			"devserver": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg {
					ts.Fatalf("devserver cannot be expected to fail")
				}
				n := startNode(ts, ts.Getenv("WORK")+"/data", args...)
				ts.Defer(func() { ts.Check(n.stop()) })
				ts.Setenv("HTTP", n.HTTP)
				ts.Setenv("DATABASE", n.DatabaseURL)
				ts.Setenv("NATS", n.NATSURL)
			},
		},
	})
}

func TestRunNeedsACommand(t *testing.T) {
	var out, errs bytes.Buffer
	if status := run(nil, os.Getenv, &out, &errs); status != 2 || !bytes.Contains(errs.Bytes(), []byte("Try: parley --help")) {
		t.Errorf("status %d, %s", status, errs.String())
	}
}

// parley is a command with nothing in its environment but what is given.
func parley(args []string, env ...string) *exec.Cmd {
	cmd := exec.Command("parley", args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	return cmd
}
