package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// goTest counts the stream of `go test -json`.
//
// A package that fails without a failing test (it does not build, crashes, leaks or is
// killed) counts as one failure; a test that started and never ended counts as failed.
type goTest struct {
	packages map[string]*goPackage
	builds   map[string][]string // output of failed builds, by import path
	result   result
}

type goPackage struct {
	output  map[string][]string // by test; "" is the package itself
	running map[string]bool
	passed  int
	failed  []string
	skipped []string
}

// goEvent is one line of the stream; see `go doc test2json` and `go help buildjson`.
type goEvent struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

func newGoTest() counter {
	return &goTest{packages: map[string]*goPackage{}, builds: map[string][]string{}}
}

func (g *goTest) line(line string, out io.Writer) {
	var e goEvent
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil {
		if !strings.HasPrefix(line, "go: downloading ") {
			fmt.Fprintln(out, line)
		}
		return
	}
	switch e.Action {
	case "build-output":
		g.builds[e.ImportPath] = append(g.builds[e.ImportPath], e.Output)
		return
	case "build-fail":
		return
	}

	p := g.packages[e.Package]
	if p == nil {
		p = &goPackage{output: map[string][]string{}, running: map[string]bool{}}
		g.packages[e.Package] = p
	}
	switch {
	case e.Action == "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case e.Action == "run":
		p.running[e.Test] = true
	case e.Test != "":
		p.ended(e)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		g.close(e, p, out)
	}
}

// ended notes the result of one test.
func (p *goPackage) ended(e goEvent) {
	switch e.Action {
	case "pass":
		p.passed++
		delete(p.output, e.Test)
	case "fail":
		p.failed = append(p.failed, e.Test)
	case "skip":
		p.skipped = append(p.skipped, e.Test)
	default: // pause, cont
		return
	}
	delete(p.running, e.Test)
}

// close adds up a package that is done and shows it.
func (g *goTest) close(e goEvent, p *goPackage, out io.Writer) {
	delete(g.packages, e.Package)
	p.failed = append(p.failed, slices.Sorted(maps.Keys(p.running))...)
	if e.Action == "fail" && len(p.failed) == 0 {
		p.failed = []string{""}
	}
	if p.passed+len(p.skipped)+len(p.failed) == 0 {
		return // no tests
	}

	g.result.passed += p.passed
	g.result.skipped += len(p.skipped)
	for _, test := range p.failed {
		g.result.fail(strings.TrimSpace(e.Package + " " + test))
	}
	word := "ok  "
	if len(p.failed) > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(out, "%s %4d passed %3d failed %7.1fs  %s\n", word, p.passed, len(p.failed), e.Elapsed, e.Package)
	for _, test := range p.skipped { // nobody would ask why it says nothing
		for _, o := range p.output[test] {
			fmt.Fprint(out, "     ", o)
		}
	}
	if len(p.failed) == 0 {
		return
	}
	for _, o := range g.builds[e.FailedBuild] {
		fmt.Fprint(out, "     ", o)
	}
	for _, test := range append(p.failed, "") {
		for _, o := range p.output[test] {
			fmt.Fprint(out, "     ", o)
		}
		delete(p.output, test)
	}
}

func (g *goTest) end(target string, command error, out io.Writer) result {
	for _, name := range slices.Sorted(maps.Keys(g.packages)) { // the stream broke off
		g.close(goEvent{Action: "fail", Package: name}, g.packages[name], out)
	}
	switch {
	case g.result.failed > 0:
	case command != nil:
		g.result.fail(fmt.Sprintf("%s: %v", target, command))
	case g.result.passed == 0:
		g.result.fail(target + ": no test ran")
	}
	return g.result
}
