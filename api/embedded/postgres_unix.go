//go:build unix && !linux

package embedded

import (
	"context"
	"log/slog"
	"syscall"
)

// childAttributes keep Ctrl-C in a terminal from stopping the server before us.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// evict leaves it to PostgreSQL to find out whether its note is stale.
func evict(context.Context, string, *slog.Logger) error { return nil }
