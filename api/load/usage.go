package load

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used since it began, and what it has now.
type Usage struct {
	CPU      time.Duration
	Children time.Duration // CPU time of the processes that it started, and those they did
	Resident uint64        // bytes
	Most     uint64        // bytes that were ever resident
}

// UsageOf reads what the kernel knows of a process. It fails where there is no /proc.
func UsageOf(pid int) (Usage, error) {
	u, err := usageOf(pid)
	if err != nil {
		return Usage{}, err
	}
	return Usage{CPU: u.cpu, Children: childrenCPU(pid), Resident: u.resident, Most: u.most}, nil
}

// OwnCPU returns the CPU time of this process.
func OwnCPU() time.Duration { return ownCPU() }

// childrenCPU adds up the time of all processes below one, also of those that have ended.
func childrenCPU(pid int) time.Duration {
	type process struct {
		parent int
		ticks  int64
	}
	all := map[int]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		stat, _ := os.ReadFile(path) // it may have ended
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		var p process
		p.parent, _ = strconv.Atoi(fields[1])
		for _, f := range fields[11:15] { // its own, and of children that it waited for
			n, _ := strconv.ParseInt(f, 10, 64)
			p.ticks += n
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		all[id] = p
	}
	var sum int64
	for id, p := range all {
		for above := p.parent; id != pid && above > 1; above = all[above].parent {
			if above == pid {
				sum += p.ticks
				break
			}
		}
	}
	return time.Duration(sum) * time.Second / ticksPerSecond
}
