package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/api/embedded"
)

func TestLockDirRefusesASecondHolderAndNamesTheFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lock, err := embedded.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = embedded.LockDir(dir)
	locked, ok := errors.AsType[*embedded.LockedError](err)
	if !ok || locked.PID != os.Getpid() || locked.Dir != dir {
		t.Fatalf("second lock: got %v, want a LockedError naming %s and process %d", err, dir, os.Getpid())
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatalf("second unlock: %v", err)
	}
	again, err := embedded.LockDir(dir)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	again.Unlock()
}
