package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func feed(c counter, lines string) (result, string) {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		c.line(strings.TrimSuffix(line, "\n"), &out)
	}
	return c.end("target", nil, &out), out.String()
}

func TestGoTestCounts(t *testing.T) {
	tests := map[string]struct {
		stream string
		passed int
		failed []string
		shown  string
	}{
		"pass and fail": {
			stream: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Test":"B","Output":"b_test.go:7: wrong\n"}
{"Action":"fail","Package":"p","Test":"B"}
{"Action":"fail","Package":"p","Elapsed":1.5}`,
			passed: 1, failed: []string{"p B"}, shown: "b_test.go:7: wrong",
		},
		"does not build": {
			stream: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:3: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			failed: []string{"p"}, shown: "undefined: x",
		},
		"crash in a test": {
			stream: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"fatal error: all goroutines are asleep\n"}
{"Action":"fail","Package":"p"}`,
			failed: []string{"p A"}, shown: "asleep",
		},
		"leak after the last test": {
			stream: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Output":"goleak: found unexpected goroutines\n"}
{"Action":"fail","Package":"p"}`,
			passed: 1, failed: []string{"p"}, shown: "unexpected goroutines",
		},
		"stream breaks off": {
			stream: `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"A"}`,
			failed: []string{"p A"},
		},
		"skip": {
			stream: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"a_test.go:5: no rights\n"}
{"Action":"skip","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"B"}
{"Action":"pass","Package":"p","Test":"B"}
{"Action":"pass","Package":"p","Elapsed":1.5}`,
			passed: 1, shown: "a_test.go:5: no rights",
		},
		"nothing ran": {
			stream: `{"Action":"start","Package":"p"}
{"Action":"skip","Package":"p"}`,
			failed: []string{"target: no test ran"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, shown := feed(newGoTest(), tt.stream)
			if r.passed != tt.passed || strings.Join(r.failures, "|") != strings.Join(tt.failed, "|") {
				t.Errorf("got %d passed, failures %q; want %d, %q", r.passed, r.failures, tt.passed, tt.failed)
			}
			if !strings.Contains(shown, tt.shown) {
				t.Errorf("%q is not shown in:\n%s", tt.shown, shown)
			}
		})
	}
}

func TestTAPCounts(t *testing.T) {
	r, shown := feed(newTAP(), `TAP version 13
# Subtest: one
ok 1 - one
  ---
  duration_ms: 1.2
  ...
not ok 2 - two
  ---
  error: 'expected 1'
  ...
1..2
# tests 3
# pass 1
# fail 1
# cancelled 0
# skipped 1
`)
	if r.passed != 1 || r.failed != 1 || r.skipped != 1 || len(r.failures) != 1 {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(shown, "expected 1") || strings.Contains(shown, "duration_ms") {
		t.Errorf("shown:\n%s", shown)
	}
	if r, _ := feed(newTAP(), "node: bad option\n"); r.failed != 1 {
		t.Errorf("a runner that dies counts as %+v", r)
	}
}

// TestTiers runs real make targets: one that passes, one that fails, one that hides a failure
// of its own and one that leaves a process behind.
func TestTiers(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Fatal("make is missing: apt-get install make")
	}
	t.Chdir(t.TempDir())
	const makefile = `
good: ; @echo fine
bad: ; @echo broken; exit 3
go: ; @echo '{"Action":"pass","Package":"p","Test":"A"}'; echo '{"Action":"pass","Package":"p"}'; exit 1
stray: ; @sleep 1000 & echo started
`
	if err := os.WriteFile("Makefile", []byte(makefile), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	status := run(t.Context(), []tier{
		{name: "good", target: "good", count: newStatus},
		{name: "bad", target: "bad", count: newStatus},
		{name: "go", target: "go", count: newGoTest},
	}, "artifacts", &out)
	if status != 1 || !strings.HasSuffix(out.String(), "\n2 passed, 2 failed\n") {
		t.Errorf("status %d after:\n%s", status, &out)
	}
	log, err := os.ReadFile(filepath.Join("artifacts", "bad.log"))
	if err != nil || !strings.Contains(string(log), "broken\n") {
		t.Errorf("bad.log holds %q (%v)", log, err)
	}

	if err := command(t.Context(), []string{"make", "stray"}, &out, func(string) {}); err != nil {
		t.Fatal(err)
	}
	left := leftBehind(100 * time.Millisecond)
	if len(left) != 1 || left[0] != "sleep 1000" {
		t.Errorf("left behind: %q", left)
	}
}
