package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// tap counts what node's test runner prints with --test-reporter=tap. The totals are those
// of its closing lines ("# pass 12"); without them the runner died, and that is a failure.
type tap struct {
	totals   map[string]int
	failures []string
}

func newTAP() counter { return &tap{totals: map[string]int{}} }

var (
	tapTotal = regexp.MustCompile(`^# (tests|pass|fail|cancelled|skipped) (\d+)$`)
	tapPoint = regexp.MustCompile(`^ *(ok|not ok) \d+ - (.*)$`)
	tapNoise = regexp.MustCompile(`^ *(TAP version \d+|\d+\.\.\d+|---|\.\.\.|duration_ms: .*|type: '.*'|# Subtest: .*|# (suites|todo|duration_ms) [\d.]+)$`)
)

func (t *tap) line(line string, out io.Writer) {
	if m := tapTotal.FindStringSubmatch(line); m != nil {
		t.totals[m[1]], _ = strconv.Atoi(m[2]) // digits by the pattern
		return
	}
	if m := tapPoint.FindStringSubmatch(line); m != nil {
		name := strings.TrimSpace(m[2])
		if m[1] == "not ok" {
			t.failures = append(t.failures, name)
		}
		fmt.Fprintf(out, "%-6s %s\n", m[1], name)
		return
	}
	if tapNoise.MatchString(line) || strings.TrimSpace(line) == "" {
		return
	}
	fmt.Fprintln(out, line)
}

func (t *tap) end(target string, command error, _ io.Writer) result {
	r := result{passed: t.totals["pass"], failed: t.totals["fail"] + t.totals["cancelled"], skipped: t.totals["skipped"]}
	for _, name := range t.failures {
		r.failures = append(r.failures, target+": "+name)
	}
	switch {
	case r.failed > 0:
	case command != nil:
		r.fail(fmt.Sprintf("%s: %v", target, command))
	case r.passed == 0:
		r.fail(target + ": no test ran")
	}
	return r
}
