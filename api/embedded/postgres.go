package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// account is the name of the only role and of the database that a private cluster has.
	account = "parley"

	// portFile remembers the port, so that a URL somebody kept outlives a restart.
	portFile = "port"

	// portAttempts is how many ports are tried before giving up.
	portAttempts = 5

	// restartPause is the wait after a dead server could not be started again. It doubles
	// with every failure up to restartPauseMax.
	restartPause    = 100 * time.Millisecond
	restartPauseMax = 5 * time.Second
)

// PostgresOptions says where a private cluster lives.
type PostgresOptions struct {
	// Dir belongs to the cluster alone and is created when missing. It may lie in a place
	// that only root can enter.
	Dir string

	Log *slog.Logger

	// Throwaway gives up what makes data survive a power failure, for clusters that live
	// no longer than a test.
	Throwaway bool
}

// Postgres is a running private cluster. It listens on 127.0.0.1 alone and asks everybody
// for the password, which nobody but its owner can read. When the server dies it is started
// again on the same port; when this process dies the server stops as well.
type Postgres struct {
	url  string
	lock *Lock
	stop context.CancelFunc
	done chan struct{}
}

// StartPostgres creates the cluster in opt.Dir if there is none, starts it and returns when
// it takes connections. A cluster that was left behind by a killed process is recovered.
// Beginning and end of the cluster are bounded by ctx; once started it runs until Close.
//
// Errors say what the operator can do: the binaries are missing or of another version, the
// directory is in use ([LockedError]).
func StartPostgres(ctx context.Context, opt PostgresOptions) (_ *Postgres, err error) {
	dir, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("locate data directory: %w", err)
	}
	lock, err := LockDir(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Unlock())
		}
	}()
	c, err := openCluster(ctx, dir, opt)
	if err != nil {
		return nil, err
	}
	server, port, err := c.startOnFreePort(ctx)
	if err != nil {
		return nil, err
	}
	p := &Postgres{url: c.url(port, account), lock: lock, done: make(chan struct{})}
	if err := createDatabase(ctx, c.url(port, "postgres")); err != nil {
		server.stop()
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	go p.supervise(running, c, server, port) // Close waits for it
	return p, nil
}

// URL returns the address of the database, with user and password in it.
func (p *Postgres) URL() string { return p.url }

// Close disconnects all clients, stops the server and waits until it is gone, a few seconds
// as a rule and never more than half a minute. Further calls return once that is done.
func (p *Postgres) Close() error {
	p.stop()
	<-p.done
	return p.lock.Unlock()
}

// supervise starts the server again whenever it dies, until ctx ends.
func (p *Postgres) supervise(ctx context.Context, c *cluster, server *postmaster, port int) {
	defer close(p.done)
	for server != nil {
		select {
		case <-ctx.Done():
			server.stop()
			return
		case <-server.exited:
			c.log.Error("database server died, starting it again", "err", server.err)
		}
		server = c.restart(ctx, port)
	}
}

// restart tries to start the server until it runs. It returns nil when ctx ends before.
func (c *cluster) restart(ctx context.Context, port int) *postmaster {
	for pause := restartPause; ; pause = min(2*pause, restartPauseMax) {
		server, err := c.start(ctx, port)
		if err == nil {
			return server
		}
		if ctx.Err() != nil {
			return nil
		}
		c.log.Error("database server does not start", "err", err, "again_in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// startOnFreePort starts the server, on the port of the last time if it can be had.
func (c *cluster) startOnFreePort(ctx context.Context) (*postmaster, int, error) {
	remembered := filepath.Join(c.dir, portFile)
	port := 0
	if data, err := os.ReadFile(remembered); err == nil {
		port, _ = strconv.Atoi(strings.TrimSpace(string(data)))
	}
	var failure error
	for range portAttempts {
		if port <= 0 || port > 65535 {
			var err error
			if port, err = freePort(); err != nil {
				return nil, 0, err
			}
		}
		server, err := c.start(ctx, port)
		if err == nil {
			if err := os.WriteFile(remembered, fmt.Appendf(nil, "%d\n", port), 0o600); err != nil {
				c.log.Warn("port of the database is not remembered", "err", err)
			}
			return server, port, nil
		}
		failure = err
		if !errors.Is(err, errPortTaken) {
			break
		}
		port = 0
	}
	return nil, 0, failure
}

// freePort asks the kernel for a port that is free right now.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a port for the database: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (c *cluster) url(port int, database string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(account, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     database,
		RawQuery: "sslmode=disable",
	}).String()
}

func createDatabase(ctx context.Context, admin string) error {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect to the new database server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", account).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, "create database "+account)
	}
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}
