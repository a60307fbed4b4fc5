package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// pacedSeconds is how long a floor is measured: as long as a run.
const pacedSeconds = 5

// pacedFloors measures what it costs without the product to move packets that come one by one, right
// before the run that is held against it: an hour later the same costs half as much again.
type pacedFloors struct {
	program string // "" where there are none
	dir     string
}

// buildPaced builds the floors into dir.
func buildPaced(ctx context.Context, dir string) (*pacedFloors, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p := &pacedFloors{program: filepath.Join(dir, "floor.test"), dir: dir}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", p.program, "./api/floor")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the floors: %w\n%s", err, out)
	}
	if _, err := os.Stat(p.program); errors.Is(err, fs.ErrNotExist) {
		p.program = ""
	}
	return p, nil
}

// measure returns the microseconds that a delivery costs, 0 where that cannot be measured.
func (p *pacedFloors) measure(ctx context.Context, name string) (float64, error) {
	if p.program == "" || name == "" {
		return 0, nil
	}
	cmd := exec.CommandContext(ctx, p.program, "-test.run", "^$", "-test.bench", "^BenchmarkPaced$/"+name, "-test.benchtime", fmt.Sprintf("%dx", pacedSeconds))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("floor %s: %w\n%s%s", name, err, out.Bytes(), errs.Bytes())
	}
	results, err := parse(&out)
	if err != nil || len(results) != 1 {
		return 0, errors.Join(err, fmt.Errorf("floor %s: %d results", name, len(results)))
	}
	cost, _ := results[0].cost()
	return cost / 1000, nil
}
