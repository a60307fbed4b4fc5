package load

import (
	"os"
	"path/filepath"
	"testing"
)

// What a run that was killed has left is removed, and nothing that is in use.
func TestLeftoversAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	there := func(name string) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	begun, used, other := there(dirPrefix+"1"), there(dirPrefix+"2"), there("something")
	inUse, err := occupy(used)
	if err != nil {
		t.Fatal(err)
	}
	left := func(want ...string) {
		t.Helper()
		removeLeftovers()
		got, _ := filepath.Glob(filepath.Join(os.TempDir(), "*"))
		if len(got) != len(want) {
			t.Errorf("there are %v, want %v", got, want)
		}
	}
	left(begun, used, other)
	if err := inUse.Close(); err != nil {
		t.Fatal(err)
	}
	left(begun, other)
}
