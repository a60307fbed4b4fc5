package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"parley/api/config"
	"parley/api/embedded"
	"parley/api/natsrelay"
	"parley/api/postgres"
	"parley/api/telemetry/archive"
)

// stores are the data directory and what a node keeps or shares through: its own or, where a
// URL is given, somebody else's.
type stores struct {
	lock        *embedded.Lock
	postgres    *embedded.Postgres // nil when DATABASE_URL is set
	nats        *embedded.NATS     // nil when NATS_URL is set
	databaseURL string
	natsURL     string

	store   *postgres.Store
	archive *archive.Archive // of telemetry
	conn    *nats.Conn
}

// openStores takes the data directory, starts what is embedded, brings the schema up to date
// and connects. On error nothing is left running.
func openStores(ctx context.Context, node string, c config.Stores, watcher natsrelay.LinkWatcher, log *slog.Logger) (_ *stores, err error) {
	s := &stores{databaseURL: c.DatabaseURL, natsURL: c.NATSURL}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.lock, err = embedded.LockDir(c.DataDir); err != nil {
		return nil, err
	}
	g, starting := errgroup.WithContext(ctx)
	g.Go(func() error { return s.openDatabase(starting, c, log) })
	g.Go(func() error { return s.openNATS(starting, node, c, watcher, log) })
	return s, g.Wait()
}

func (s *stores) openDatabase(ctx context.Context, c config.Stores, log *slog.Logger) (err error) {
	if s.databaseURL == "" {
		s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{
			Dir: filepath.Join(c.DataDir, "postgres"), Log: log.With("part", "postgres"),
		})
		if err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		s.databaseURL = s.postgres.URL()
	}
	if err := postgres.Migrate(ctx, s.databaseURL); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	if s.store, err = postgres.Open(ctx, s.databaseURL, log.With("part", "store")); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

func (s *stores) openNATS(ctx context.Context, node string, c config.Stores, watcher natsrelay.LinkWatcher, log *slog.Logger) (err error) {
	options := natsrelay.ConnOptions(node, log.With("part", "nats"), watcher)
	if s.natsURL == "" {
		s.nats, err = embedded.StartNATS(ctx, embedded.NATSOptions{
			Dir: filepath.Join(c.DataDir, "nats"), Log: log.With("part", "nats"),
		})
		if err != nil {
			return fmt.Errorf("start NATS: %w", err)
		}
		s.natsURL = s.nats.URL()
		watcher.Connecting(natsrelay.LinkName)
		s.conn, err = s.nats.Connect(options...)
	} else {
		watcher.Connecting(natsrelay.LinkName)
		s.conn, err = nats.Connect(s.natsURL, options...)
	}
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	watcher.ConnectedTo(natsrelay.LinkName)
	return nil
}

// close disconnects and stops what openStores started, in reverse.
func (s *stores) close() error {
	var errs []error
	if s.conn != nil {
		s.conn.Close()
	}
	if s.nats != nil {
		s.nats.Close()
	}
	if s.archive != nil {
		s.archive.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// WithDatabase calls do with the URL of the configured database; an embedded one is started
// for the call, which fails when a node is using its directory.
func WithDatabase(ctx context.Context, c config.Stores, log *slog.Logger, do func(context.Context, string) error) (err error) {
	if c.DatabaseURL != "" {
		return do(ctx, c.DatabaseURL)
	}
	s := &stores{}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.lock, err = embedded.LockDir(c.DataDir); err != nil {
		return err
	}
	s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(c.DataDir, "postgres"), Log: log})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return do(ctx, s.postgres.URL())
}

// ReachDatabase is [WithDatabase] for commands that may run beside a node: when one is using
// the directory, its database is used. A directory without a database is an error.
func ReachDatabase(ctx context.Context, c config.Stores, log *slog.Logger, do func(context.Context, string) error) error {
	if c.DatabaseURL != "" {
		return do(ctx, c.DatabaseURL)
	}
	url, err := embedded.PostgresURL(filepath.Join(c.DataDir, "postgres"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s: name another directory with --data-dir, or the server with DATABASE_URL", c.DataDir)
	}
	if err != nil {
		return err
	}
	lock, err := embedded.LockDir(c.DataDir)
	if _, taken := errors.AsType[*embedded.LockedError](err); taken {
		return do(ctx, url)
	}
	if err != nil {
		return err
	}
	if err := lock.Unlock(); err != nil {
		return err
	}
	return WithDatabase(ctx, c, log, do)
}
