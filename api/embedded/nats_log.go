package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// natsLog writes what a NATS server says to a slog.Logger. The server's notices are the
// details of a part of ours, hence one level lower.
type natsLog struct {
	*slog.Logger
	worst atomic.Pointer[string] // last error, for the caller who waits for the start
}

func (l *natsLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *natsLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *natsLog) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *natsLog) Warnf(format string, v ...any)   { l.say(slog.LevelWarn, format, v) }
func (l *natsLog) Errorf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l *natsLog) Fatalf(format string, v ...any)  { l.say(slog.LevelError, format, v) }

func (l *natsLog) say(level slog.Level, format string, v []any) {
	ctx := context.Background() // the server has none to give
	if level < slog.LevelError && !l.Enabled(ctx, level) {
		return
	}
	text := fmt.Sprintf(format, v...)
	if level == slog.LevelError {
		l.worst.Store(&text)
	}
	l.Log(ctx, level, "nats: "+text)
}

// last returns the last error the server reported.
func (l *natsLog) last() string {
	if s := l.worst.Load(); s != nil {
		return *s
	}
	return "no reason given"
}
