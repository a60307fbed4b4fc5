package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"parley/api/embedded"
)

// helperEnv makes the test binary run a cluster in the named directory until it is killed.
const helperEnv = "PARLEY_TEST_RUN_POSTGRES_IN"

// patience bounds every wait; it is only reached when something is broken.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		runUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func runUntilKilled(dir string) {
	pg, err := embedded.StartPostgres(context.Background(), embedded.PostgresOptions{
		Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Throwaway: true,
	})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(pg.URL())
	io.Copy(io.Discard, os.Stdin) // held open by the test
	os.Exit(0)
}

func start(t *testing.T, dir string) *embedded.Postgres {
	t.Helper()
	return startWith(t, embedded.PostgresOptions{Dir: dir, Log: logger(t.Output()), Throwaway: true})
}

func startWith(t *testing.T, opt embedded.PostgresOptions) *embedded.Postgres {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	pg, err := embedded.StartPostgres(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pg.Close() })
	t.Logf("started in %v", time.Since(began))
	return pg
}

func logger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// announcer tells when a text is logged.
type announcer struct {
	io.Writer
	text string
	seen chan<- struct{}
}

func (a *announcer) Write(p []byte) (int, error) {
	if strings.Contains(string(p), a.text) {
		a.seen <- struct{}{}
	}
	return a.Writer.Write(p)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, conn *pgx.Conn, sql string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPostgresKeepsDataAndAddressAcrossRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postgres")
	if url, err := embedded.PostgresURL(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("address of nothing: %q, %v", url, err)
	}
	first := start(t, dir)
	if url, err := embedded.PostgresURL(dir); err != nil || url != first.URL() {
		t.Errorf("the directory says %q, %v, the server %q", url, err, first.URL())
	}
	exec1(t, connect(t, first.URL()), "create table kept (n int)")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
	second := start(t, dir)
	if first.URL() != second.URL() {
		t.Errorf("address changed from %s to %s", first.URL(), second.URL())
	}
	if n := count(t, connect(t, second.URL()), "select count(*) from kept"); n != 0 {
		t.Errorf("kept: got %d rows", n)
	}
}

func TestPostgresAsksForThePasswordAndKeepsItPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postgres")
	pg := startWith(t, embedded.PostgresOptions{Dir: dir, Log: logger(t.Output())})
	u, err := url.Parse(pg.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "guessed")
	if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was accepted")
	}
	for _, file := range []string{"", "cluster", "cluster/parley.password", "port", "lock"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o077 != 0 && file != "" {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	conn := connect(t, pg.URL())
	var fsync, addresses string
	if err := conn.QueryRow(t.Context(), "select current_setting('fsync'), current_setting('listen_addresses')").Scan(&fsync, &addresses); err != nil {
		t.Fatal(err)
	}
	if fsync != "on" || addresses != "127.0.0.1" {
		t.Errorf("fsync %s, listening on %s", fsync, addresses)
	}
}

func TestPostgresRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: dir, Log: logger(t.Output())})
	if locked, ok := errors.AsType[*embedded.LockedError](err); !ok || locked.PID != os.Getpid() {
		t.Errorf("second start in one directory: %v", err)
	}
}

func TestPostgresTakesAnotherPortWhenItsOwnIsTaken(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	u, err := url.Parse(first.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp4", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	second := start(t, dir)
	if second.URL() == first.URL() {
		t.Error("two listeners on one port")
	}
	connect(t, second.URL())
}

func TestPostgresForgetsAnUnfinishedCluster(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, "init-123", "cluster")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	connect(t, start(t, dir).URL())
	if _, err := os.Stat(filepath.Dir(half)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("leftover of a killed start: %v", err)
	}
}

// A server that is killed comes back on its port, with what was committed.
func TestPostgresComesBackAfterItsServerWasKilled(t *testing.T) {
	dir := t.TempDir()
	runs := make(chan struct{}, 1)
	pg := startWith(t, embedded.PostgresOptions{
		Dir: dir, Log: logger(&announcer{Writer: t.Output(), text: "database server runs", seen: runs}),
	})
	<-runs
	conn := connect(t, pg.URL())
	exec1(t, conn, "create table kept (n int)")
	exec1(t, conn, "insert into kept values (1)")
	if err := syscall.Kill(serverPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-runs:
	case <-time.After(patience):
		t.Fatal("the server did not come back")
	}
	if n := count(t, connect(t, pg.URL()), "select count(*) from kept"); n != 1 {
		t.Errorf("committed rows after the crash: got %d, want 1", n)
	}
}

// A node that is killed takes its server along, and the next one recovers.
func TestPostgresEndsWithAKilledProcessAndRecovers(t *testing.T) {
	dir := t.TempDir()
	cmd, url := helper(t, dir)
	conn := connect(t, url)
	exec1(t, conn, "create table kept (n int)")
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := conn.Exec(t.Context(), "select pg_sleep(60)"); err == nil {
		t.Fatal("the server outlived the process that started it")
	}
	next := start(t, dir)
	count(t, connect(t, next.URL()), "select count(*) from kept")
}

// A server that survived its node, because it was stopped just then, is replaced.
func TestPostgresReplacesAnOrphanedServer(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := helper(t, dir)
	orphan := serverPID(t, dir)
	if err := syscall.Kill(orphan, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	// Stopped, it holds the cluster until it is let go; the new node waits for that.
	if err := syscall.Kill(orphan, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	pg := start(t, dir)
	connect(t, pg.URL())
	if pid := serverPID(t, dir); pid == orphan {
		t.Error("the orphan still runs the cluster")
	}
}

func TestPostgresIgnoresTheNoteOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	// Our own number, as if it had been given to another process since.
	note := filepath.Join(dir, "cluster", "postmaster.pid")
	if err := os.WriteFile(note, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	connect(t, start(t, dir).URL())
}

func TestPostgresSaysWhatIsMissing(t *testing.T) {
	t.Setenv(embedded.BinEnv, t.TempDir())
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: t.TempDir(), Log: logger(t.Output())})
	if err == nil || !strings.Contains(err.Error(), embedded.BinEnv) {
		t.Errorf("with an empty %s: %v", embedded.BinEnv, err)
	}
	t.Setenv(embedded.BinEnv, "")
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cluster"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: dir, Log: logger(t.Output())})
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql-9") {
		t.Errorf("with a cluster of another version: %v", err)
	}
}

// helper starts another process that runs a cluster in dir.
func helper(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	cmd.Stderr = t.Output()
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hold.Close(); cmd.Process.Kill(); cmd.Wait() })
	var url string
	if _, err := fmt.Fscanln(out, &url); err != nil || !strings.HasPrefix(url, "postgres:") {
		t.Fatalf("helper said %q, %v", url, err)
	}
	return cmd, url
}

func serverPID(t *testing.T, dir string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "cluster", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
