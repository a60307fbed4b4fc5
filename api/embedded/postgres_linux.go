package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childAttributes keep Ctrl-C in a terminal from stopping the server before us, and let the
// kernel stop it when we die without a word.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}

// evict stops a server that still runs on data although its node is gone, and removes a
// note about one that does not run any more. The caller holds the lock of the directory, so
// such a server belongs to nobody.
func evict(ctx context.Context, data string, log *slog.Logger) error {
	note := filepath.Join(data, "postmaster.pid")
	pid := readPID(note)
	if pid == 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	// The number may be another process's by now; the server's working directory is data.
	if err != nil || !sameFile(data, filepath.Join("/proc", strconv.Itoa(pid), "cwd")) {
		if err := os.Remove(note); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove note of a dead database server: %w", err)
		}
		return nil
	}
	log.Warn("stopping the database server of a node that died", "pid", pid)
	for _, step := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGINT, fastStop}, {unix.SIGQUIT, immediateStop}, {unix.SIGKILL, immediateStop}} {
		if err := unix.PidfdSendSignal(fd, step.signal, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("stop database server %d of a node that died: %w", pid, err)
		}
		if waitForExit(ctx, fd, step.wait) {
			return nil
		}
	}
	return fmt.Errorf("database server %d of a node that died does not stop", pid)
}

// waitForExit blocks until the process behind a pidfd is gone or the time is over.
func waitForExit(ctx context.Context, fd int, wait time.Duration) bool {
	deadline := time.Now().Add(wait)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		slice := min(time.Until(deadline), 100*time.Millisecond) // to notice the end of ctx
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(slice.Milliseconds())+1)
		if n > 0 && err == nil {
			return true
		}
	}
	return false
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
