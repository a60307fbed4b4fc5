package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// command runs args in a process group of its own, copies what it prints to log and calls
// line for every line of it. It returns when the command and all its output are done; when
// ctx ends it kills the group.
func command(ctx context.Context, args []string, log io.Writer, line func(string)) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		write.Close()
		return err
	}
	write.Close()

	ended := make(chan error, 1)
	go func() { // the receive below waits for it
		err := cmd.Wait()
		// A process left behind may hold the pipe open; do not wait for it.
		_ = read.SetReadDeadline(time.Now().Add(2 * time.Second))
		ended <- err
	}()
	r := bufio.NewReaderSize(read, 1<<20)
	for {
		s, err := r.ReadString('\n')
		if s != "" {
			fmt.Fprintln(log, strings.TrimSuffix(s, "\n"))
			line(strings.TrimSuffix(s, "\n"))
		}
		if err != nil {
			break
		}
	}
	err = <-ended
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// adoptOrphans makes this process the parent of every descendant whose own parent dies, so
// that leftBehind sees them.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// leftBehind gives adopted processes the time grace to end, kills the others and returns
// their command lines. It must not run while a command does.
func leftBehind(grace time.Duration) (commands []string) {
	deadline := time.Now().Add(grace)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR || pid > 0:
		case err != nil: // ECHILD: nobody is left
			return commands
		case time.Now().Before(deadline):
			<-tick.C
		default:
			commands = append(commands, killChildren()...)
			deadline = time.Now().Add(time.Second) // children of those come next
		}
	}
}

func killChildren() (commands []string) {
	self := fmt.Sprint(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		// pid (name) state ppid ...; the name may hold anything, even parentheses.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[1] != self {
			continue
		}
		dir := filepath.Dir(path)
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		commands = append(commands, strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")))
		var pid int
		if _, err := fmt.Sscan(filepath.Base(dir), &pid); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	return commands
}
