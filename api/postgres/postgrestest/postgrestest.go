// Package postgrestest gives tests databases of their own on a real PostgreSQL.
//
// A test binary shares one server, started with the first call of [URL]. Each call copies a
// database that was migrated once, which takes some tens of milliseconds. Set
// PARLEY_TEST_DATABASE_URL to use a server of yours, as a role that may create databases.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"parley/api/embedded"
	"parley/api/postgres"
)

const (
	// URLEnv names the environment variable with the address of a server to use.
	URLEnv = "PARLEY_TEST_DATABASE_URL"

	dirPattern = "parley-postgrestest-*"
	startTime  = 2 * time.Minute // for initdb on a busy machine
	dropTime   = 2 * time.Minute

	// staleAge is the age from which the directory of a killed test run may be removed; a
	// younger one may belong to a run that has not locked it yet.
	staleAge = time.Hour
)

// shared is the server of this test binary.
var shared struct {
	mu      sync.Mutex
	managed bool // Main runs, so that somebody stops the server
	server  *server
	err     error
}

// server is a place for test databases.
type server struct {
	admin    string             // address of a database that is not a test's
	template string             // name of the migrated database
	own      *embedded.Postgres // nil for an external server
	dir      string
}

// Main runs the tests of a package that uses [URL], stops the server, reports goroutines
// left behind and exits. Call it from TestMain.
func Main(m *testing.M, options ...goleak.Option) {
	shared.managed = true
	goleak.VerifyTestMain(stopping{m}, options...)
}

// stopping stops the server before leaked goroutines are counted.
type stopping struct{ m *testing.M }

func (s stopping) Run() int {
	code := s.m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server != nil {
		if err := shared.server.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "postgrestest:", err)
			code = max(code, 1)
		}
	}
	return code
}

// URL returns the address of a new, migrated database that is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	shared.mu.Lock() // copies of one template cannot be made side by side
	defer shared.mu.Unlock()
	if !shared.managed {
		t.Fatal("postgrestest: call postgrestest.Main from TestMain, so that the server is stopped")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = startServer()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	name := newName("test")
	if err := shared.server.exec("create database " + name + " template " + shared.server.template); err != nil {
		t.Fatal(err)
	}
	s := shared.server
	t.Cleanup(func() {
		if err := s.exec("drop database " + name + " with (force)"); err != nil {
			t.Error(err)
		}
	})
	return patient(withDatabase(s.admin, name))
}

// patient returns an address to which a connection may take as long as it does on a machine where
// dozens of processes wait for a processor.
func patient(address string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "connect_timeout=20"
}

func startServer() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	s := &server{admin: os.Getenv(URLEnv), template: newName("template")}
	if s.admin == "" {
		removeStale()
		dir, err := os.MkdirTemp("", dirPattern)
		if err != nil {
			return nil, fmt.Errorf("directory for the test server: %w", err)
		}
		s.dir = dir
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		s.own, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: dir, Log: log, Throwaway: true})
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		s.admin = s.own.URL()
	}
	err := s.exec("create database " + s.template)
	if err == nil {
		err = postgres.Migrate(ctx, withDatabase(s.admin, s.template))
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) stop() error {
	if s.own == nil {
		return s.exec("drop database if exists " + s.template)
	}
	if err := s.own.Close(); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

// exec runs one statement on a connection of its own: databases are made and dropped rarely.
func (s *server) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// removeStale removes what test runs that were killed left in the temporary directory.
func removeStale() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPattern))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < staleAge {
			continue
		}
		if lock, err := embedded.LockDir(dir); err == nil {
			_ = errors.Join(os.RemoveAll(dir), lock.Unlock()) // the next run tries again
		}
	}
}

func newName(kind string) string {
	return "parley_" + kind + "_" + strings.ToLower(rand.Text())
}

func withDatabase(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic("postgrestest: address of the test server: " + err.Error())
	}
	u.Path = name
	return u.String()
}
