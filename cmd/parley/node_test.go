package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/client"
	"parley/api/config"
	"parley/api/media/mediatest"
)

// patience bounds every wait for a process.
const patience = 5 * time.Minute

// fataler is what *testing.T and *testscript.TestScript have in common.
type fataler interface {
	Fatalf(format string, args ...any)
}

// nodeProcess is a node in a process of its own.
type nodeProcess struct {
	config.Ready
	cmd  *exec.Cmd
	dir  string
	took time.Duration
	log  *bytes.Buffer
	done chan struct{} // closed when the process has ended and its output is read
	err  error
}

// startNode starts parley dev in dir and waits until it serves.
func startNode(t fataler, dir string, env ...string) *nodeProcess {
	n := &nodeProcess{dir: dir, log: new(bytes.Buffer), done: make(chan struct{})}
	ready := filepath.Join(filepath.Dir(dir), filepath.Base(dir)+"-ready.json")
	_ = os.Remove(ready)
	n.cmd = parley([]string{"dev"}, append([]string{
		"PARLEY_HTTP_ADDR=127.0.0.1:0", "PARLEY_WEBTRANSPORT_ADDR=127.0.0.1:0", "PARLEY_DATA_DIR=" + dir,
		"PARLEY_READY_FILE=" + ready,
	}, env...)...)
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	n.cmd.Stderr = n.log
	start := time.Now()
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	// The welcome comes after the ready file and ends with the way to stop.
	serving := make(chan bool, 1)
	go func() { // ends with the process
		defer close(n.done)
		var said strings.Builder
		buf := make([]byte, 4096)
		for {
			k, err := out.Read(buf)
			said.Write(buf[:k])
			if strings.Contains(said.String(), "Ctrl-C") {
				select {
				case serving <- true:
				default:
				}
			}
			if err != nil {
				break
			}
		}
		n.err = n.cmd.Wait()
		select {
		case serving <- false:
		default:
		}
	}()
	select {
	case ok := <-serving:
		if !ok {
			t.Fatalf("node ended: %v\n%s", n.err, n.log)
		}
	case <-time.After(patience):
		_ = n.cmd.Process.Kill()
		<-n.done
		t.Fatalf("node does not serve\n%s", n.log)
	}
	n.took = time.Since(start)
	if n.Ready, err = config.ReadReady(ready); err != nil {
		t.Fatalf("%v", err)
	}
	return n
}

// stop asks the node to stop and waits until it has.
func (n *nodeProcess) stop() error {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if err := n.ended(); err != nil {
		return fmt.Errorf("stop node: %w\n%s", err, n.log)
	}
	return nil
}

func (n *nodeProcess) ended() error {
	select {
	case <-n.done:
		return n.err
	case <-time.After(patience):
		_ = n.cmd.Process.Kill()
		<-n.done
		return errors.New("the process does not end")
	}
}

// postmaster returns the process id of the embedded database.
func (n *nodeProcess) postmaster(t *testing.T) int {
	t.Helper()
	var pid int
	found := false
	_ = filepath.WalkDir(n.dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "postmaster.pid" {
			b, _ := os.ReadFile(path)
			_, err := fmt.Sscan(string(b), &pid)
			found = err == nil
		}
		return nil
	})
	if !found {
		t.Fatal("no postmaster.pid")
	}
	return pid
}

// goneSoon waits until a process is no more.
func goneSoon(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		// Whoever adopted the process has to reap it; look at its state meanwhile.
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || bytes.Contains(b, []byte(") Z ")) {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func query[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var v T
	if err := conn.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// eventually waits until a query yields want.
func eventually[T comparable](t *testing.T, want T, url, sql string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		got := query[T](t, url, sql)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %v, want %v", sql, got, want)
		}
	}
}

// guest joins a room by the path endpoint and becomes active.
func (n *nodeProcess) guest(t *testing.T, base, user, room string) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, base+"/lobby/"+user+"/"+room, client.Options{TLS: &tls.Config{InsecureSkipVerify: true}})
	if err != nil {
		t.Fatalf("%v\n%s", err, n.log)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Send(ctx, mediatest.Heartbeat()); err != nil {
		t.Fatal(err)
	}
	return c
}

// hear receives until a packet reads like want.
func hear(t *testing.T, c *client.Client, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var heard []string
	for {
		p, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("%v; heard %q", err, heard)
		}
		text := mediatest.Describe(p.Data, nil)
		if strings.HasPrefix(text, want) {
			return
		}
		heard = append(heard, text)
	}
}

func ws(base string) string { return "ws" + strings.TrimPrefix(base, "http") }

func TestNodeLeavesNothingBehind(t *testing.T) {
	const secret = "nobody-is-to-see-this"
	n := startNode(t, filepath.Join(t.TempDir(), "data"), "JWT_SECRET="+secret)
	t.Logf("first start, with a new database cluster: %v", n.took.Round(time.Millisecond))
	database := n.postmaster(t)
	r, err := http.Get(n.HTTP + "/version")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]string
	if err := errors.Join(json.NewDecoder(r.Body).Decode(&v), r.Body.Close()); err != nil || v["service"] == "" {
		t.Errorf("version %v, %v", v, err)
	}
	if r, err = http.Get(n.Debug + "/debug/config"); err != nil {
		t.Fatal(err)
	}
	var settings []config.Setting
	if err := errors.Join(json.NewDecoder(r.Body).Decode(&settings), r.Body.Close()); err != nil || len(settings) < 20 || strings.Contains(fmt.Sprint(settings), secret) {
		t.Errorf("settings %v, %v", settings, err)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	goneSoon(t, database)
}

func TestSecondSignalForces(t *testing.T) {
	n := startNode(t, filepath.Join(t.TempDir(), "data"), "PARLEY_DRAIN_SECS=600")
	database := n.postmaster(t)
	c := n.guest(t, ws(n.HTTP), "ada", "forced")
	hear(t, c, "started by ada")
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	<-c.Done() // the node is stopping, and its room waits for ada to come back
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	err := n.ended()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatalf("ended with %v\n%s", err, n.log)
	}
	if status := exit.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", exit)
	}
	goneSoon(t, database)
}

func TestNodeRecoversFromKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	n := startNode(t, dir)
	c := n.guest(t, ws(n.HTTP), "ada", "kill")
	hear(t, c, "started by ada")
	_ = n.cmd.Process.Kill()
	<-n.done

	again := startNode(t, dir)
	t.Logf("start after kill -9: %v", again.took.Round(time.Millisecond))
	eventually(t, 0, again.DatabaseURL, "select count(*) from sessions where left_at is null")
	if ended := query[bool](t, again.DatabaseURL, "select ended_at is not null from meetings where room_id = 'kill'"); !ended {
		t.Error("the meeting of the killed node goes on")
	}
	database := again.postmaster(t)
	if err := again.stop(); err != nil {
		t.Error(err)
	}
	goneSoon(t, database)

	third := startNode(t, dir)
	t.Logf("start of an existing cluster: %v", third.took.Round(time.Millisecond))
	if err := third.stop(); err != nil {
		t.Error(err)
	}
}

func TestDataDirectoryBelongsToOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	n := startNode(t, dir)
	second := parley([]string{"dev", "--http-addr", "127.0.0.1:0", "--webtransport-addr", "127.0.0.1:0", "--data-dir", dir})
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), fmt.Sprint(n.cmd.Process.Pid)) {
		t.Errorf("second node: %v\n%s", err, out)
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}

// Two nodes of one machine share the stores of the first; when the second dies without a
// word the others learn of it within 8 s, and it is on record.
func TestNodesOfOneMachineShareTheirStores(t *testing.T) {
	tmp := t.TempDir()
	a := startNode(t, filepath.Join(tmp, "a"), "FEATURE_END_ON_HOST_LEAVE=true")
	b := startNode(t, filepath.Join(tmp, "b"), "DATABASE_URL="+a.DatabaseURL, "NATS_URL="+a.NATSURL)
	ada := a.guest(t, a.WebTransport, "ada", "shared")
	hear(t, ada, "started by ada")
	bob := b.guest(t, ws(b.HTTP), "bob", "shared")
	hear(t, bob, "started by ada")
	hear(t, ada, "joined")
	host := b.guest(t, ws(b.HTTP), "hilde", "hosted")
	hear(t, host, "started by hilde")
	eve := a.guest(t, ws(a.HTTP), "eve", "hosted")
	hear(t, eve, "joined")

	_ = b.cmd.Process.Kill()
	killed := time.Now()
	<-b.done
	hear(t, ada, "left")
	t.Logf("loss of a node is told after %v", time.Since(killed).Round(time.Millisecond))
	hear(t, eve, "ended: The host has ended the meeting")
	eventually(t, 1, a.DatabaseURL, "select count(*) from session_participants where room_id = 'shared' and left_at is null")
	if err := a.stop(); err != nil {
		t.Error(err)
	}
}

// The node whose stores all others use may be started anew while their calls go on. It knows
// nobody then, and must not take them for dead.
func TestStoresStartedAnewTakeNobodyForDead(t *testing.T) {
	tmp := t.TempDir()
	a := startNode(t, filepath.Join(tmp, "a"))
	b := startNode(t, filepath.Join(tmp, "b"), "DATABASE_URL="+a.DatabaseURL, "NATS_URL="+a.NATSURL)
	bob := b.guest(t, ws(b.HTTP), "bob", "spared")
	hear(t, bob, "started by bob")
	// Any change to a row changes its xmin.
	const version = "select string_agg(xmin::text, ' ') from sessions where room_id = 'spared' and left_at is null"
	before := query[string](t, a.DatabaseURL, version)
	if err := a.stop(); err != nil {
		t.Error(err)
	}

	again := startNode(t, filepath.Join(tmp, "a"))
	if again.NATSURL != a.NATSURL || again.DatabaseURL != a.DatabaseURL {
		t.Fatalf("stores moved from %s and %s to %s and %s", a.NATSURL, a.DatabaseURL, again.NATSURL, again.DatabaseURL)
	}
	// Of a node that nobody knows, which only looking for such can close.
	const long = "insert into sessions values (7, 'forgotten', 'carol', '', 'n-long-gone', 'websocket', '', now()) returning 1"
	query[int](t, again.DatabaseURL, long)
	eventually(t, 0, again.DatabaseURL, "select count(*) from sessions where room_id = 'forgotten' and left_at is null")
	if after := query[string](t, again.DatabaseURL, version); after != before {
		t.Errorf("session of the other node is in version %q, was in %q", after, before)
	}
	_ = bob.Close()
	for _, n := range []*nodeProcess{b, again} {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	}
}
