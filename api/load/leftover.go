package load

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// dirPrefix is what the names of directories of nodes begin with.
const dirPrefix = "parley-load-"

// lockFile in such a directory is locked as long as a process lives that uses it.
const lockFile = "in-use"

// occupy marks a directory as used by this process and all that inherit the file.
func occupy(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	if err == nil { // it has its name once it is locked, for others are looking
		err = os.Rename(f.Name(), filepath.Join(dir, lockFile))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeLeftovers removes the directories of nodes whose runs were killed, as far as it may.
func removeLeftovers() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*", lockFile))
	for _, path := range locks {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = f.Close()
	}
}
