package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// fastStop is how long the server may take to disconnect everybody and write a
	// checkpoint, immediateStop to drop everything; then it is killed.
	fastStop      = 10 * time.Second
	immediateStop = 5 * time.Second

	// pipeDelay bounds the wait for processes that outlive the one that started them.
	pipeDelay = 5 * time.Second
)

// errPortTaken says that somebody else listens on the port.
var errPortTaken = errors.New("port is taken")

// command is a program that works on a directory of the cluster.
type command struct {
	*exec.Cmd
	place string // how the program reaches the directory
}

// command prepares program to work on dir, as the owner of the cluster. As root it hands
// the directory down as an open file: the unprivileged owner could not walk to a path
// below, say, /root. The returned function releases the file and may be called once the
// program has started.
func (c *cluster) command(ctx context.Context, program, dir string) (command, func(), error) {
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C", "PATH=" + filepath.Dir(program) + ":/usr/bin:/bin"}
	cmd.SysProcAttr = childAttributes()
	cmd.SysProcAttr.Credential = c.owner
	cmd.WaitDelay = pipeDelay
	if c.owner == nil {
		return command{cmd, dir}, func() {}, nil
	}
	file, err := os.Open(dir)
	if err != nil {
		return command{}, nil, fmt.Errorf("open directory of the database cluster: %w", err)
	}
	cmd.ExtraFiles = []*os.File{file}
	return command{cmd, inheritedDir}, func() { file.Close() }, nil
}

// postmaster is a running server.
type postmaster struct {
	process *os.Process
	output  *serverLog
	exited  chan struct{}
	err     error // why it exited; read it after exited is closed
}

// start runs the server on port and returns when it takes connections. It returns
// errPortTaken when another process has the port.
func (c *cluster) start(ctx context.Context, port int) (*postmaster, error) {
	started := time.Now()
	// The life of the server is not that of ctx, which bounds the start alone.
	cmd, done, err := c.command(context.WithoutCancel(ctx), c.bin.postgres, c.data())
	if err != nil {
		return nil, err
	}
	defer done()
	cmd.Args = append(cmd.Args, "-D", cmd.place)
	for _, setting := range c.settings(port) {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	m := &postmaster{
		output: &serverLog{log: c.log, ready: make(chan struct{})},
		exited: make(chan struct{}),
	}
	cmd.Stderr = m.output

	began := make(chan error, 1)
	go func() { // stop and supervise wait for it through exited
		// The kernel stops the server when the thread that started it ends, so that
		// thread has to stay as long as the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		m.process = cmd.Process
		began <- err
		if err == nil {
			m.err = cmd.Wait()
			m.output.flush()
			close(m.exited)
		}
	}()
	if err := <-began; err != nil {
		return nil, fmt.Errorf("start database server: %w", err)
	}
	select {
	case <-m.output.ready:
		c.log.Info("database server runs", "port", port, "version", c.bin.version, "pid", m.process.Pid,
			"took", time.Since(started).Round(time.Millisecond))
		return m, nil
	case <-ctx.Done():
		m.stop()
		return nil, fmt.Errorf("start database server: %w", context.Cause(ctx))
	case <-m.exited:
		said := m.output.tail()
		if strings.Contains(said, "Address already in use") {
			return nil, fmt.Errorf("start database server on port %d: %w", port, errPortTaken)
		}
		return nil, fmt.Errorf("start database server: %w: %s", m.err, said)
	}
}

// settings are those of a small server that serves one node or a few.
func (c *cluster) settings(port int) []string {
	s := []string{
		fmt.Sprintf("port=%d", port),
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=",
		"cluster_name=" + account,
		"jit=off",
		"max_parallel_workers_per_gather=0",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=",
		"log_checkpoints=off",
		"lc_messages=C", // the line that says "ready" is read from the log
	}
	if c.throwaway {
		return append(s, "max_connections=300", "shared_buffers=128MB", "max_wal_size=256MB", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	// Under load what hurts is the end of a checkpoint, when all files are brought to the disk
	// and commits wait: this many bytes of log between two make them a minute of 100,000 events
	// a second apart. An idle server gives the room back.
	return append(s, "max_connections=100", "shared_buffers=256MB", "wal_buffers=16MB", "max_wal_size=4GB")
}

// stop ends the server and waits until it is gone: politely, then less so.
func (m *postmaster) stop() {
	m.output.quiet()
	for _, step := range []struct {
		signal os.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}} {
		m.signal(step.signal)
		select {
		case <-m.exited:
			return
		case <-time.After(step.wait):
		}
	}
	m.signal(os.Kill)
	<-m.exited
}

func (m *postmaster) signal(s os.Signal) {
	if err := m.process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		m.output.log.Error("database server cannot be stopped", "signal", s, "err", err)
	}
}

// serverLog is what a server prints: it goes to our log, and the line that says that the
// server is ready opens the door.
type serverLog struct {
	log   *slog.Logger
	ready chan struct{}

	mu       sync.Mutex
	partial  []byte
	last     []string // the last lines, for the error when the start fails
	isReady  bool
	stopping bool
}

const (
	readyLine  = "database system is ready to accept connections"
	keptLines  = 6
	maxLogLine = 8 << 10 // bytes; a longer line is cut into several
)

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest, found := p, true; found; {
		var piece []byte
		piece, rest, found = bytes.Cut(rest, []byte("\n"))
		l.partial = append(l.partial, piece...)
		if found || len(l.partial) > maxLogLine {
			l.line(string(l.partial))
			l.partial = l.partial[:0]
		}
	}
	return len(p), nil
}

func (l *serverLog) line(text string) {
	if text == "" {
		return
	}
	severity, message, found := strings.Cut(text, ":  ")
	if !found {
		severity, message = "", text
	}
	if severity == "LOG" && message == readyLine && !l.isReady {
		l.isReady = true
		close(l.ready)
	}
	l.last = append(l.last, text)
	if len(l.last) > keptLines {
		l.last = l.last[1:]
	}
	l.log.Log(context.Background(), l.level(severity), "postgres", "says", text)
}

// level weighs a line. What ends a statement or a connection (ERROR, FATAL) is told to the
// client, and what ends the start is in its error.
func (l *serverLog) level(severity string) slog.Level {
	switch {
	case severity == "PANIC":
		return slog.LevelError
	case l.stopping:
		return slog.LevelDebug
	case severity == "WARNING":
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// quiet says that the server is being stopped: complaints about that are no news.
func (l *serverLog) quiet() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
}

// flush logs what came without an end of line.
func (l *serverLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(string(l.partial))
	l.partial = nil
}

func (l *serverLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "; ")
}
