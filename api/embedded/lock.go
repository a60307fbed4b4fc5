package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockName is the file in a locked directory; it holds the id of the process that has it.
const lockName = "lock"

// Lock is the sole right of this process to a directory. The kernel returns it when the
// process dies, however it dies.
type Lock struct {
	file *os.File
}

// LockDir takes dir for this process, and creates it with mode 0700 when it is missing. It
// never waits: while another process, or this one, holds dir it returns a [LockedError].
func LockDir(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		return nil, &LockedError{Dir: dir, PID: readPID(file.Name())}
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	return &Lock{file: file}, nil
}

// Unlock gives the directory back. Further calls do nothing.
func (l *Lock) Unlock() error {
	// The file stays: removing it would let two processes lock two files of one name.
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("unlock data directory: %w", err)
	}
	return nil
}

// LockedError says that a directory is in use.
type LockedError struct {
	Dir string
	PID int // the process that has it; 0 when it has not written its id yet
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("data directory %s is in use by process %d: stop it or choose another directory", e.Dir, e.PID)
}

// readPID returns the process id on the first line of a file, 0 when there is none.
func readPID(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
