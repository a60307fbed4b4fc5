package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	migrator "github.com/amacneil/dbmate/v2/pkg/dbmate"
	_ "github.com/amacneil/dbmate/v2/pkg/driver/postgres" // the scheme of the URL
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley/dbmate"
)

// migrationLock is the advisory lock that whoever changes the schema holds.
const migrationLock = 0x7061726c6579 // "parley"

// ErrNothingApplied says that there is no migration to roll back.
var ErrNothingApplied = errors.New("no migration is applied")

// MigrationStatus says whether a migration is in the database.
type MigrationStatus struct {
	ID      string // digits, in the order of application
	Name    string // of the file
	Applied bool
}

// Migrate brings the schema up to date. Nodes that start at once take turns, and all but the
// first find nothing to do. ctx bounds the wait for the turn; a statement that runs is not
// interrupted.
func Migrate(ctx context.Context, url string) error {
	return migrating(ctx, url, "migrate", (*migrator.DB).Migrate)
}

// Rollback takes the newest applied migration back, and whatever it stored with it. It
// returns [ErrNothingApplied] when there is none.
func Rollback(ctx context.Context, url string) error {
	err := migrating(ctx, url, "roll back", (*migrator.DB).Rollback)
	if errors.Is(err, migrator.ErrNoRollback) {
		return ErrNothingApplied
	}
	return err
}

// Status lists all migrations known to this program, oldest first.
func Status(ctx context.Context, url string) ([]MigrationStatus, error) {
	var all []MigrationStatus
	err := migrating(ctx, url, "read migrations of", func(db *migrator.DB) error {
		found, err := db.FindMigrations()
		for _, m := range found {
			all = append(all, MigrationStatus{ID: m.Version, Name: m.FileName, Applied: m.Applied})
		}
		return err
	})
	return all, err
}

// migrating runs do while no other process does the like with the same database.
func migrating(ctx context.Context, url, what string, do func(*migrator.DB) error) error {
	address, err := migratorURL(url)
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(url) // knows the settings of the pool
	if err != nil {
		return fmt.Errorf("address of the database: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return fmt.Errorf("%s database: %w", what, err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // which frees the lock
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("%s database: wait for other nodes: %w", what, err)
	}
	db := migrator.New(address)
	db.FS = dbmate.Migrations
	db.MigrationsDir = []string{dbmate.Dir}
	db.AutoDumpSchema = false
	db.Log = io.Discard
	if err := do(db); err != nil {
		return fmt.Errorf("%s database: %w", what, err)
	}
	return nil
}

// migratorURL translates a URL that pgx understands for the driver below the migrator, which
// knows none of the settings of pgx and by default insists on TLS where pgx prefers it.
func migratorURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("the address of the database must look like postgres://user:password@host:port/name")
	}
	query := u.Query()
	for name := range query {
		switch {
		case strings.HasPrefix(name, "pool_"), strings.HasSuffix(name, "_cache_capacity"), name == "default_query_exec_mode":
			query.Del(name)
		}
	}
	if !query.Has("sslmode") && os.Getenv("PGSSLMODE") == "" {
		query.Set("sslmode", "prefer")
	}
	u.RawQuery = query.Encode()
	return u, nil
}
