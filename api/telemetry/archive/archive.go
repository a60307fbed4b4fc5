// Package archive keeps telemetry in PostgreSQL, version 12 or newer, and reads it back.
//
// Events are in one table for each class and day of receipt: whole days are dropped when
// they are too old. Bodies stay as they came; what is looked for is in columns.
package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley/api/pgpool"
	"parley/api/telemetry"
)

const (
	// maxConns is how many connections a node opens at most for telemetry, unless the
	// address says so with pool_max_conns: two that write and some that read.
	maxConns = 6

	// statementTimeout makes the server end what nobody waits for any more.
	statementTimeout = 30 * time.Second
)

// Archive is a pool of connections to one database. It implements [telemetry.Store].
type Archive struct {
	pool *pgxpool.Pool

	mu         sync.Mutex
	catalogues map[string]int16
	days       map[string]bool // tables that are there
}

var _ telemetry.Store = (*Archive)(nil)

// Open prepares an Archive in the database at url, which was migrated. It does not connect.
// The pool lives until Close.
func Open(ctx context.Context, url string) (*Archive, error) {
	config, err := pgpool.Config(url, maxConns, map[string]string{
		"application_name":  "parley-telemetry",
		"statement_timeout": pgpool.Milliseconds(statementTimeout),
		"timezone":          "UTC", // the days of the tables
	})
	if err != nil {
		return nil, err
	}
	// A connection that died while it was idle costs a round trip and not a batch.
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	return &Archive{pool: pool, catalogues: map[string]int16{}, days: map[string]bool{}}, nil
}

// Close ends all connections and waits for what runs.
func (a *Archive) Close() { a.pool.Close() }

const nameCatalogue = `
with made as (
    insert into telemetry_catalogues (name) values ($1) on conflict (name) do nothing returning id
)
select id from made union all select id from telemetry_catalogues where name = $1`

// catalogue returns the number of a catalogue.
func (a *Archive) catalogue(ctx context.Context, name string) (int16, error) {
	a.mu.Lock()
	id, ok := a.catalogues[name]
	a.mu.Unlock()
	if ok {
		return id, nil
	}
	// Without a row another node has just made it, in a transaction that this did not see.
	err := a.pool.QueryRow(ctx, nameCatalogue, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = a.pool.QueryRow(ctx, nameCatalogue, name).Scan(&id)
	}
	if err != nil {
		return 0, fmt.Errorf("number of catalogue %s: %w", name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.catalogues[name] = id
	return id, nil
}

// SQLSTATEs.
const (
	uniqueViolation = "23505"
	checkViolation  = "23514" // also of a row for which there is no partition
)

// code returns the SQLSTATE of an error of the server, "" of others.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// refusal returns err as what says that a row will never be taken, if it says so: SQLSTATE
// classes 22, data exception, and 23, integrity constraint violation.
func refusal(err error) error {
	if c := code(err); len(c) == 5 && (c[:2] == "22" || c[:2] == "23") {
		return &telemetry.RefusedError{Reason: c, Err: err}
	}
	return err
}
