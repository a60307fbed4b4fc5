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

func TestLoadTelemetryComparesWithTheDatabase(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "parley", "load", "telemetry", "--self", "--json", "--quiet", "--nodes=16", "--rate=200", "--duration=1s",
		"--burst=100", "--burst-every=300ms", "--reconnect-share=0.25", "--reconnect-every=300ms", "--broken=0.01", "--unknown=0.01", "--lengths=leb128")
	cmd.Env = append(parley(nil).Env, "TMPDIR="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.Bytes(), errs.Bytes())
	}
	var r telemetry.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
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
