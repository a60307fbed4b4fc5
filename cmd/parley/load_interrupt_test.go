package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"parley/api/load/flood"
)

// Ctrl-C on a terminal reaches all that runs there. What was measured by then is reported.
func TestFloodThatIsBrokenOffReportsWhatItHas(t *testing.T) {
	cmd := parley([]string{"load", "flood", "packets", "--self", "--json", "--sessions=1", "--rate=1000",
		"--publishers=1", "--viewers=1", "--warm-up=0s", "--duration=3s", "--settle=10m", "--rounds=3"}, "TMPDIR="+t.TempDir(), unhurried)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does it
	var out bytes.Buffer
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var last string
	told := false // a second one kills
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		last = lines.Text()
		if !told && strings.Contains(last, "flooded") && strings.Contains(last, "measuring") {
			told = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, last)
	}
	var r flood.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || len(r.Rounds) != 1 {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	round := r.Rounds[0]
	if round.Calm.Seconds < 3 || round.Flooded.Seconds <= 0 || len(round.Flood) == 0 || round.Flood[0].Packets == 0 {
		t.Errorf("%s", out.Bytes())
	}
}
