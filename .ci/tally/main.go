// Command tally runs the tiers of `make test` one after the other and counts their results.
//
// Each tier is a make target that can also be called alone. A tier that fails does not stop
// the others. Raw output goes to artifacts/<tier>.log, progress and every failure to the
// terminal. The last thing tally does is to write artifacts/tally.txt: one line,
// "N passed, N failed". Its exit status is 0 when nothing failed.
//
// A process that a tier leaves behind is reported as a failure and killed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tier is one make target and the way its results are counted.
type tier struct {
	name   string
	target string
	args   []string // make variables that switch the output to what count reads
	count  func() counter
}

// tierTimeout is well above what any tier takes on two cores with cold caches that others keep
// busy as well; a tier that needs more hangs.
const tierTimeout = 2 * time.Hour

var tiers = []tier{
	{name: "generated code and web/dist are current", target: "generate-check", count: newStatus},
	{name: "format", target: "lint-format", count: newStatus},
	{name: "go vet", target: "lint-vet", count: newStatus},
	{name: "staticcheck", target: "lint-staticcheck", count: newStatus},
	{name: "golangci-lint", target: "lint-rules", count: newStatus},
	{name: "TypeScript", target: "lint-web", count: newStatus},
	{name: "Go tests, race detector on", target: "test-go", args: []string{"GOTESTFLAGS=-json"}, count: newGoTest},
	{name: "browser client, unit tests", target: "test-web", args: []string{"NODETESTFLAGS=--test-reporter=tap"}, count: newTAP},
	{name: "browser end to end", target: "test-e2e", args: []string{"NODETESTFLAGS=--test-reporter=tap"}, count: newTAP},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, tiers, "artifacts", os.Stdout))
}

// run runs the given tiers, writes their logs and the tally to dir, and returns the exit status.
func run(ctx context.Context, tiers []tier, dir string, out io.Writer) int {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		fmt.Fprintln(out, "tally:", err)
		return 1
	}
	if err := adoptOrphans(); err != nil {
		fmt.Fprintln(out, "tally: cannot watch for processes left behind:", err)
	}

	begin := time.Now()
	var rows []string
	var total result
	for i, t := range tiers {
		fmt.Fprintf(out, "\n== %d/%d  %s  (make %s)\n", i+1, len(tiers), t.name, t.target)
		start := time.Now()
		r := t.run(ctx, dir, out)
		for _, p := range leftBehind(10 * time.Second) {
			r.fail(t.target + " left a process running: " + p)
		}
		rows = append(rows, fmt.Sprintf("%-42s %s  %s", t.name, r.String(), since(start)))
		total.add(r)
		if ctx.Err() != nil {
			total.fail("interrupted")
			break
		}
	}

	fmt.Fprintf(out, "\n== Summary, %s\n", since(begin))
	for _, row := range rows {
		fmt.Fprintln(out, row)
	}
	for _, f := range total.failures {
		fmt.Fprintln(out, "failed:", f)
	}
	line := fmt.Sprintf("%d passed, %d failed\n", total.passed, total.failed)
	fmt.Fprint(out, line)
	if err := os.WriteFile(filepath.Join(dir, "tally.txt"), []byte(line), 0o644); err != nil {
		fmt.Fprintln(out, "tally:", err)
		return 1
	}
	if total.failed > 0 {
		return 1
	}
	return 0
}

// run runs one tier to its end.
func (t tier) run(ctx context.Context, dir string, out io.Writer) result {
	log, err := os.Create(filepath.Join(dir, t.target+".log"))
	if err != nil {
		var r result
		r.fail(t.target + ": " + err.Error())
		return r
	}
	defer log.Close()

	ctx, cancel := context.WithTimeout(ctx, tierTimeout)
	defer cancel()
	c := t.count()
	status := command(ctx, append([]string{"make", "--no-print-directory", t.target}, t.args...), log, func(line string) {
		c.line(line, out)
	})
	return c.end(t.target, status, out)
}

// result is what a tier came to.
type result struct {
	passed, failed, skipped int
	failures                []string
}

func (r *result) fail(name string) {
	r.failed++
	r.failures = append(r.failures, name)
}

func (r *result) add(o result) {
	r.passed += o.passed
	r.failed += o.failed
	r.skipped += o.skipped
	r.failures = append(r.failures, o.failures...)
}

func (r result) String() string {
	s := fmt.Sprintf("%5d passed %4d failed", r.passed, r.failed)
	if r.skipped > 0 {
		s += fmt.Sprintf(" %4d skipped", r.skipped)
	}
	return s
}

// counter reads the output of a tier line by line, shows what a person wants to see of it,
// and says at the end what it came to. A tier whose command failed has at least one failure.
type counter interface {
	line(line string, out io.Writer)
	end(target string, command error, out io.Writer) result
}

// status counts a tier without a test runner: it passes as a whole or fails as a whole.
type status struct{}

func newStatus() counter { return status{} }

func (status) line(line string, out io.Writer) {
	if !strings.HasPrefix(line, "go: downloading ") {
		fmt.Fprintln(out, line)
	}
}

func (status) end(target string, command error, _ io.Writer) (r result) {
	r.passed = 1
	if command != nil {
		r.passed = 0
		r.fail(fmt.Sprintf("%s: %v", target, command))
	}
	return r
}

func since(t time.Time) string { return time.Since(t).Round(100 * time.Millisecond).String() }
