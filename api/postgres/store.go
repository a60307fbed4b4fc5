// Package postgres keeps the records of Parley in PostgreSQL, version 12 or newer, and
// migrates its schema. A [Store] implements the store interfaces of the domain packages.
//
// Every statement is bounded by a timeout of the server as well as by the context of its
// caller. What changes a meeting, or who is in it, runs in one transaction which first takes
// the lock of the meeting's row, so that people who come and go at once, on several nodes, do
// so one after another. Connections take the lock of their room before, which may have no
// meeting; nobody takes it after.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley/api/pgpool"
	"parley/api/trace"
)

const (
	// maxConns is how many connections a node opens at most unless the address says so
	// with pool_max_conns. Ten nodes then fit into a server with default settings.
	maxConns = 10

	// statementTimeout and idleTimeout make the server end what nobody waits for any more.
	statementTimeout = 5 * time.Second
	idleTimeout      = 10 * time.Second

	// slow is from when on a query is worth a line in the log.
	slow = 500 * time.Millisecond
)

// Store is a pool of connections to one database. Its methods may be called from any
// goroutine.
type Store struct {
	pool *pgxpool.Pool
}

// Open prepares a Store for the database at url, which looks like
// postgres://user:password@host:port/name and may carry the settings of libpq and pgxpool.
// It does not connect: a database that is down now may be up when it is needed. The pool
// lives until Close.
func Open(ctx context.Context, url string, log *slog.Logger) (*Store, error) {
	config, err := pgpool.Config(url, maxConns, map[string]string{
		"application_name":                    "parley",
		"statement_timeout":                   pgpool.Milliseconds(statementTimeout),
		"idle_in_transaction_session_timeout": pgpool.Milliseconds(idleTimeout),
	})
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = slowQueries{log}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &Store{pool: pool}, nil
}

// Close ends all connections and waits for queries that run.
func (s *Store) Close() { s.pool.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// unacceptable reports whether the database will never take a statement with these values:
// SQLSTATE classes 22, data exception, and 23, integrity constraint violation.
func unacceptable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && len(e.Code) == 5 && (e.Code[:2] == "22" || e.Code[:2] == "23")
}

// slowQueries logs statements that took long, and shows all in traces.
type slowQueries struct{ log *slog.Logger }

type queryStart struct {
	at   time.Time
	sql  string
	span trace.Span
}

type queryKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (slowQueries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	ctx, span := trace.Step(ctx, "query")
	span.Set(trace.KeySystem, "postgresql")
	span.Set(trace.KeyStatement, q.SQL)
	return context.WithValue(ctx, queryKey{}, queryStart{time.Now(), q.SQL, span})
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t slowQueries) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, end pgx.TraceQueryEndData) {
	q, ok := ctx.Value(queryKey{}).(queryStart)
	q.span.End(end.Err)
	if took := time.Since(q.at); ok && took > slow {
		t.log.Warn("slow query", "took", took.Round(time.Millisecond), "sql", q.sql, "err", end.Err)
	}
}
