package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/api/config"
)

// Node is a server started for a run: parley dev in a process of its own, with everything it
// needs, on ports of its own choice.
type Node struct {
	config.Ready
	Secret string // that signs tokens it accepts

	program string
	env     []string
	dir     string
	inUse   *os.File // a lock on dir, which the process has as well
	log     *beginning
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	err     error
}

const (
	nodeStart = 5 * time.Minute // the first start makes a database cluster, maybe on a busy machine
	nodeStop  = time.Minute
)

// StartNode starts program, which is a parley, and returns when it serves. env is added to the
// environment, as NAME=VALUE: with a DATABASE_URL the node has no database of its own. The first
// warnings and errors of the node go to log.
func StartNode(ctx context.Context, program string, env []string, log io.Writer) (*Node, error) {
	removeLeftovers()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	inUse, err := occupy(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), os.RemoveAll(dir))
	}
	// The server of the database is another user, and has to get to its files.
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), inUse.Close(), os.RemoveAll(dir))
	}
	n := &Node{inUse: inUse, Secret: rand.Text() + rand.Text(), program: program, env: env, dir: dir, log: &beginning{out: log, left: loggedMost}}
	if err := n.start(ctx, "PARLEY_HTTP_ADDR=127.0.0.1:0", "PARLEY_WEBTRANSPORT_ADDR=127.0.0.1:0"); err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), n.Stop())
	}
	return n, nil
}

// KillAndStart kills the process, gives it no chance to put anything in order, and starts it
// again: with the same data, at the same addresses. Afterwards it is looked at anew.
func (n *Node) KillAndStart(ctx context.Context) error {
	_ = n.cmd.Process.Kill()
	<-n.done
	env := []string{"PARLEY_HTTP_ADDR=" + strings.TrimPrefix(n.HTTP, "http://"), "PARLEY_WEBTRANSPORT_ADDR=" + strings.TrimPrefix(n.WebTransport, "https://")}
	if n.Telemetry != "" {
		env = append(env, "PARLEY_TELEMETRY_ADDR="+n.Telemetry)
	}
	if err := n.start(ctx, env...); err != nil {
		return fmt.Errorf("start node again: %w", err)
	}
	return nil
}

// start starts the process and returns when it serves.
func (n *Node) start(ctx context.Context, addresses ...string) error {
	ready := filepath.Join(n.dir, "ready.json")
	done := make(chan struct{})
	n.cmd, n.done, n.err = exec.Command(n.program, "dev"), done, nil
	n.cmd.Env = slices.Concat(os.Environ(), []string{
		"PARLEY_DATA_DIR=" + filepath.Join(n.dir, "data"), "PARLEY_READY_FILE=" + ready,
		"PARLEY_LOG_LEVEL=warn", "JWT_SECRET=" + n.Secret, "DATABASE_URL=", "NATS_URL=",
	}, n.env, addresses)
	n.cmd.Stderr = n.log
	n.cmd.ExtraFiles = []*os.File{n.inUse}
	n.cmd.SysProcAttr = Beside()
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.err = err
		close(done)
		return err
	}
	serving, started := make(chan struct{}), make(chan error, 1)
	go func() { // Stop waits for it
		// What the node is to end with is the thread that has started it, not the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		n.err = n.cmd.Start()
		if started <- n.err; n.err != nil {
			return
		}
		lines := bufio.NewScanner(out)
		for told := false; lines.Scan(); {
			if !told && strings.Contains(lines.Text(), "Ctrl-C") { // the last line of the welcome, after the ready file
				told = true
				close(serving)
			}
		}
		_, _ = io.Copy(io.Discard, out) // after a line too long to scan
		n.err = n.cmd.Wait()
	}()
	if err := <-started; err != nil {
		return err
	}
	patience := time.NewTimer(nodeStart)
	defer patience.Stop()
	select {
	case <-serving:
		n.Ready, err = config.ReadReady(ready)
	case <-n.done:
		err = fmt.Errorf("it ended: %w", n.err)
	case <-patience.C:
		err = errors.New("it does not serve")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return err
}

// Beside returns how to start a process that goes on beside this one: Ctrl-C does not reach it, for
// this one is told and stops it in its own way. On Linux it gets SIGTERM when the thread that has
// started it is gone, as when this process is killed: that thread is to be kept with runtime.LockOSThread.
func Beside() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	endWithParent(attr)
	return attr
}

// Watch returns how to look at the node.
func (n *Node) Watch() *Watch {
	return &Watch{PIDs: []int{n.cmd.Process.Pid}, Metrics: n.HTTP + "/metrics"}
}

// Address returns where the node listens for a transport: ws, wss or wt.
func (n *Node) Address(transport string) (string, error) {
	switch transport {
	case "ws":
		return "ws" + strings.TrimPrefix(n.HTTP, "http"), nil
	case "wss": // the TCP twin of the WebTransport port
		return "wss" + strings.TrimPrefix(n.WebTransport, "https"), nil
	case "wt":
		return n.WebTransport, nil
	}
	return "", fmt.Errorf("no transport is called %q: ws, wss, wt", transport)
}

// Stop stops the node and removes what it left. Its error says that the node did not end well.
func (n *Node) Stop() error {
	if n.cmd.Process != nil {
		_ = n.cmd.Process.Signal(syscall.SIGTERM)
	}
	patience := time.NewTimer(nodeStop)
	defer patience.Stop()
	err := errors.New("stop node: it does not end")
	select {
	case <-n.done:
		err = n.err
	case <-patience.C:
		_ = n.cmd.Process.Kill()
		<-n.done
	}
	n.log.end()
	return errors.Join(err, os.RemoveAll(n.dir), n.inUse.Close())
}

// loggedMost is how many lines of a node are shown: one that is overloaded says the same
// thousands of times.
const loggedMost = 20

// beginning passes on the first lines and counts the others. It is for one goroutine.
type beginning struct {
	out     io.Writer
	left    int
	dropped int
}

func (b *beginning) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if b.left <= 0 {
			b.dropped += bytes.Count(line, []byte("\n"))
			continue
		}
		if _, err := b.out.Write(line); err != nil {
			return 0, err
		}
		b.left -= bytes.Count(line, []byte("\n"))
	}
	return len(p), nil
}

// end says how many lines there were besides.
func (b *beginning) end() {
	if b.dropped > 0 {
		fmt.Fprintf(b.out, "and %d more lines\n", b.dropped)
	}
}
