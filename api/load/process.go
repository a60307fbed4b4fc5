package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	readings "parley/api/histogram"
)

// Watch is what is known of the server beside its answers. The zero value watches nothing.
type Watch struct {
	PIDs    []int  // of its processes on this machine, the main one first; none when it is elsewhere
	Metrics string // URL of its Prometheus metrics; "" when it has none
}

// Check looks once, and says what could not be looked at.
func (w Watch) Check(ctx context.Context) error {
	var errs []error
	for _, pid := range w.PIDs {
		if _, err := usageOf(pid); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("there is no process %d on this machine", pid))
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	if w.Metrics != "" {
		_, err := Counters(ctx, w.Metrics, func(string) bool { return false })
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// usage is what a process has used since it began, and what it has now.
type usage struct {
	cpu        time.Duration
	switches   uint64 // of context, of threads that still live
	resident   uint64 // bytes
	most       uint64 // bytes that were ever resident
	threads    int
	each       []process // what it consists of
	goroutines int       // 0: unknown
	heap       uint64
	stacks     uint64
	ages       map[string]readings.Reading // of packets that the server handed on, by kind; seconds
}

// process is what one process of a server has used.
type process struct {
	pid      int
	name     string
	cpu      time.Duration
	resident uint64
}

// usageOfAll adds up what the kernel knows of several processes.
func usageOfAll(pids []int) (sum usage, err error) {
	for _, pid := range pids {
		u, e := usageOf(pid)
		err = errors.Join(err, e)
		name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
		sum.each = append(sum.each, process{pid, strings.TrimSpace(string(name)), u.cpu, u.resident})
		sum.cpu += u.cpu
		sum.switches += u.switches
		sum.resident += u.resident
		sum.most += u.most
		sum.threads += u.threads
	}
	return sum, err
}

// ticksPerSecond is the unit of times in /proc, the same on all machines (proc_pid_stat(5)).
const ticksPerSecond = 100

// usageOf reads what the kernel knows of a process.
func usageOf(pid int) (u usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, err
	}
	// The name of the program is in parentheses and may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("%s/stat is not understood", dir)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return u, err
	}
	u.cpu = time.Duration(user+system) * time.Second / ticksPerSecond

	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u, err
	}
	u.resident, u.most = 1024*number(status, "VmRSS:"), 1024*number(status, "VmHWM:")
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return u, err
	}
	u.threads = len(threads)
	for _, path := range threads {
		status, _ := os.ReadFile(path) // a thread may have ended
		u.switches += number(status, "voluntary_ctxt_switches:") + number(status, "nonvoluntary_ctxt_switches:")
	}
	return u, nil
}

// number returns the number behind a word at the beginning of a line, 0 if there is none.
func number(text []byte, word string) uint64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(word)); ok {
			if fields := bytes.Fields(rest); len(fields) > 0 {
				n, _ := strconv.ParseFloat(string(fields[0]), 64)
				return uint64(n)
			}
		}
	}
	return 0
}

// Resident returns the memory of processes of this machine, in bytes; it counts as 0 where it is not known.
func Resident(pids ...int) (sum uint64) {
	for _, pid := range pids {
		status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		sum += 1024 * number(status, "VmRSS:")
	}
	return sum
}

// sample is what there is to know at one moment.
type sample struct {
	at        time.Duration
	delivered uint64 // packets that are measured
	packets   uint64 // all that were received
	bytes     uint64
	own       time.Duration // CPU time of this process
	waits     *waits
	machine   machine
	server    *usage // nil when nothing is known
	err       error  // why not
	gone      bool   // a process of the server could not be looked at
}

func (r *run) sample() sample {
	s := sample{
		at: r.clock.now(), delivered: r.delivered(), own: ownCPU(), waits: readWaits(), machine: readMachine(),
	}
	s.packets, s.bytes = r.received()
	if w := r.plan.Watch; w != nil {
		u, err := usageOfAll(w.PIDs)
		s.err, s.gone = err, err != nil
		if w.Metrics != "" {
			s.err = errors.Join(s.err, u.scrape(w.Metrics))
		}
		s.server = &u
	}
	return s
}

// ownCPU returns the CPU time of this process.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machine is how long its processors were idle, and not.
type machine struct{ idle, total uint64 }

// readMachine returns zeros where there is no /proc.
func readMachine() (m machine) {
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	for i, f := range strings.Fields(strings.TrimPrefix(string(line), "cpu")) {
		n, _ := strconv.ParseUint(f, 10, 64)
		if i == 3 || i == 4 { // idle, and waiting for a disk
			m.idle += n
		}
		if i < 8 { // guests are in user already
			m.total += n
		}
	}
	return m
}

// busy returns the share of all processors that was used since before, 0 to 1.
func (m machine) busy(before machine) float64 {
	if m.total <= before.total {
		return 0
	}
	return 1 - float64(m.idle-before.idle)/float64(m.total-before.total)
}

// processors is what the shares of a process are of.
func processors() float64 { return float64(runtime.NumCPU()) }
