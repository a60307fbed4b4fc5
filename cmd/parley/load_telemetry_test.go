package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"parley/api/load/telemetry"
)

// loadTelemetry runs a load of 16 nodes on a server of its own, which has to end well.
func loadTelemetry(t *testing.T, args ...string) (r telemetry.Report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "parley", append([]string{
		"load", "telemetry", "--self", "--json", "--quiet", "--nodes=16", "--rate=200", "--settle=" + patience.String(),
	}, args...)...)
	cmd.Env = append(parley(nil).Env, "TMPDIR="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.Bytes(), errs.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
	return r
}

// The server's database is stopped and comes back, and then the server is killed. What it had
// read by then is there or in a ledger, and counted.
func TestLoadTelemetryWithFaults(t *testing.T) {
	r := loadTelemetry(t, "--duration=3s", "--outage=500ms", "--outage-at=200ms", "--kill", "--kill-at=1500ms", "--broken=0.01")
	if b := r.Balance; b == nil || b.Holes != 0 || b.Missing < 0 || b.Stored == 0 || b.Sessions < 16 || b.Counted != b.Stored || b.Lost["queue_full"] != 0 {
		t.Errorf("%+v", b)
	}
	if len(r.Faults) != 2 || r.Faults[0].Error+r.Faults[1].Error != "" || len(r.Failed) == 0 {
		t.Errorf("%+v %v", r.Faults, r.Failed)
	}
}

func TestLoadTelemetryComparesWithTheDatabase(t *testing.T) {
	r := loadTelemetry(t, "--duration=1s", "--burst=100", "--burst-every=300ms", "--reconnect-share=0.25", "--reconnect-every=300ms",
		"--broken=0.01", "--unknown=0.01", "--lengths=leb128")
	b := r.Balance
	if b == nil || !b.Even() || b.Stored == 0 || b.Sessions != r.Sessions || b.Lost["source_dropped"] != r.Dropped || b.Lost["undecodable"] != r.Broken {
		t.Errorf("%+v", b)
	}
	s := r.Server
	if s == nil || s.Error != "" || s.Commit == nil || s.Commit.Count < b.Stored || s.Commit.P50 > s.Commit.P99 || s.NodeCPU <= 0 || s.DatabaseCPU <= 0 || s.Each <= 0 || b.BytesEach <= 0 {
		t.Errorf("server: %+v", s)
	}
}

func TestLoadTelemetryRefusesNonsense(t *testing.T) {
	cmd := parley([]string{"load", "telemetry", "--nodes=0", "--dropped=2", "--kind=1", "--version=7"})
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s", out)
	}
	for _, want := range []string{"no address", "0 nodes", "a share of 2", "no kind 1", "version 7"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing says %q: %s", want, out)
		}
	}
}
