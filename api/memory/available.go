package memory

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// Available returns how much memory this process may use, in bytes: the least of GOMEMLIMIT, what
// its control groups allow and what the machine has. It is 0 when nothing says so, as outside Linux.
func Available() int64 { return available(os.DirFS("/"), debug.SetMemoryLimit(-1)) }

func available(root fs.FS, limit int64) int64 {
	least := limit
	note := func(text string, unit int64) {
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > 0 && n < math.MaxInt64/unit {
			least = min(least, n*unit)
		}
	}
	read := func(name string) string {
		b, _ := fs.ReadFile(root, name) // there may be none
		return string(b)
	}
	for line := range strings.Lines(read("proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kibibytes, _, _ := strings.Cut(rest, "kB")
			note(kibibytes, 1<<10)
		}
	}
	// A group is bounded by those around it as well. In a container it is the outermost that is seen.
	group := "/"
	for line := range strings.Lines(read("proc/self/cgroup")) {
		if rest, ok := strings.CutPrefix(line, "0::/"); ok {
			group = path.Join("/", strings.TrimSpace(rest))
		}
	}
	for ; ; group = path.Dir(group) {
		note(read(path.Join("sys/fs/cgroup", group, "memory.max")), 1)
		if group == "/" {
			break
		}
	}
	note(read("sys/fs/cgroup/memory/memory.limit_in_bytes"), 1)
	if least == math.MaxInt64 {
		return 0
	}
	return least
}
