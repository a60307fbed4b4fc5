package observe

import (
	"runtime/debug"
	"strings"
)

// Set by the linker: go build -ldflags "-X parley/api/observe.version=1.2.3 …". What is left
// out comes from what the go command itself records.
var (
	version        string
	gitSHA         string
	gitBranch      string
	buildTimestamp string
)

// Build is what the program was built from, in the shape that /version has always had.
type Build struct {
	Service        string `json:"service"`
	Version        string `json:"version"`
	GitSHA         string `json:"git_sha"`
	GitBranch      string `json:"git_branch"`
	BuildTimestamp string `json:"build_timestamp"` // RFC 3339
}

// ServiceName is the service that /version names. A node is relay and meeting API at once;
// clients ask the address of the WebSocket relay, so it answers to that name.
const ServiceName = "websocket-relay"

// ReadBuild returns what this program was built from; "unknown" for what nobody recorded.
func ReadBuild() Build {
	b := Build{ServiceName, version, gitSHA, gitBranch, buildTimestamp}
	if info, ok := debug.ReadBuildInfo(); ok {
		fill(&b, info)
	}
	for _, s := range []*string{&b.Version, &b.GitSHA, &b.GitBranch, &b.BuildTimestamp} {
		if *s == "" {
			*s = "unknown"
		}
	}
	return b
}

// fill completes b from what the go command recorded.
func fill(b *Build, info *debug.BuildInfo) {
	// "(devel)" is what the go command calls a work tree.
	if v := strings.Trim(strings.TrimPrefix(info.Main.Version, "v"), "()"); b.Version == "" && v != "" {
		b.Version = v
	}
	modified := false
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.GitSHA == "":
			b.GitSHA = s.Value
		case s.Key == "vcs.time" && b.BuildTimestamp == "":
			b.BuildTimestamp = s.Value
		case s.Key == "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if modified && gitSHA == "" && b.GitSHA != "" {
		b.GitSHA += "+modified"
	}
}
