package jip3

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// warnRate and warnBurst bound how many lines the log gets about nodes that do not work,
	// per second: whoever can connect can cause them.
	warnRate  = 1
	warnBurst = 20
)

// warnings writes of nodes that do not work, for those who run them or this server. The zero
// value is ready.
type warnings struct {
	mu      sync.Mutex
	lines   bucket
	skipped int
}

// warn writes a line, unless there were too many; the next one says how many were left out.
func (w *warnings) warn(log *slog.Logger, what string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines.fill(time.Now(), warnRate, warnBurst)
	level := slog.LevelWarn
	if w.lines.tokens < 1 {
		w.skipped++
		level = slog.LevelDebug
	} else {
		w.lines.tokens--
		if w.skipped > 0 {
			args = append(args, "left_out", w.skipped)
			w.skipped = 0
		}
	}
	log.Log(context.Background(), level, what, args...)
}
