package memory

import (
	"math"
	"runtime"
	"testing"
	"testing/fstest"
)

func TestTheLeastOfAllLimitsHolds(t *testing.T) {
	const mega = 1 << 20
	machine := map[string]string{"proc/meminfo": "MemTotal:       8388608 kB\nMemFree:  1024 kB\n"}
	for _, tc := range []struct {
		name  string
		files map[string]string
		limit int64
		want  int64
	}{
		{name: "nothing is known", limit: math.MaxInt64},
		{name: "a machine", files: machine, limit: math.MaxInt64, want: 8192 * mega},
		{name: "GOMEMLIMIT", files: machine, limit: 100 * mega, want: 100 * mega},
		{
			name: "a container", limit: math.MaxInt64, want: 512 * mega,
			files: map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"},
		},
		{
			name: "a group in a group", limit: math.MaxInt64, want: 256 * mega,
			files: map[string]string{
				"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "268435456\n",
				"sys/fs/cgroup/a.slice/b.service/memory.max": "max\n",
			},
		},
		{
			name: "groups of the first version", limit: math.MaxInt64, want: 300 * mega,
			files: map[string]string{"proc/self/cgroup": "5:memory:/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "314572800\n"},
		},
	} {
		root := fstest.MapFS{}
		for _, files := range []map[string]string{machine, tc.files} {
			for name, text := range files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if tc.want == 0 {
			root = fstest.MapFS{}
		}
		if got := available(root, tc.limit); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, got, tc.want)
		}
	}
	if runtime.GOOS == "linux" && Available() == 0 {
		t.Error("nothing is known of this machine")
	}
}
