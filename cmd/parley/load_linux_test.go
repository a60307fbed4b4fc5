package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A run that is killed can tell its node nothing, and yet leaves none.
func TestLoadThatIsKilledLeavesNoNode(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil { // the database is another user's
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "parley", "load", "--self", "--ramp=0s", "--warm-up=10m")
	cmd.Env = append(parley(nil).Env, "TMPDIR="+dir)
	progress, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	begun := bufio.NewScanner(progress).Scan() // people come
	node := watchChild(t, cmd.Process.Pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !begun {
		t.Error("the run did not begin")
	}
	poll := []unix.PollFd{{Fd: int32(node), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(patience.Milliseconds())); n != 1 || err != nil {
		t.Fatalf("the node goes on: %d, %v", n, err)
	}
}

// watchChild returns what becomes readable when the only child of a process has ended.
func watchChild(t *testing.T, pid int) (fd int) {
	t.Helper()
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var children []byte
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		children = append(children, b...)
	}
	child, err := strconv.Atoi(string(bytes.TrimSpace(children)))
	if err != nil {
		t.Fatalf("children of the run: %q", children)
	}
	fd, err = unix.PidfdOpen(child, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
