package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// Following returns events of one engine that a filter wants, its groups apart, in the order in
// which they came: those after a cursor, until a time in microseconds since 1970, limit at most.
func (a *Archive) Following(ctx context.Context, f telemetry.Filter, from telemetry.Cursor, until int64, limit int) ([]StoredEvent, error) {
	sessions, err := a.tookIn(ctx, &f, from)
	if err != nil || len(sessions) == 0 {
		return nil, err
	}
	// The bounds tell the planner which tables to leave out.
	q := EventQuery{Catalogue: f.Catalogue, Kinds: f.Kinds, Classes: f.Classes, Sessions: sessions}
	w, err := a.wanted(ctx, &q)
	if err != nil {
		return nil, err
	}
	w.add("e.received_at > ?", time.UnixMicro(from.Received))
	w.add("e.received_at <= ?", time.UnixMicro(until))
	most := w.limit(limit)
	rows, _ := a.pool.Query(ctx, selectEvents+w.sql()+" order by e.received_at"+most, w.values...) // its error comes with the rows
	events, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read the events of an engine: %w", err)
	}
	return events, nil
}

// tookIn returns the sessions of an engine in which there may be such events.
func (a *Archive) tookIn(ctx context.Context, f *telemetry.Filter, from telemetry.Cursor) ([]telemetry.SessionID, error) {
	var w where
	w.add("s.engine = ?", from.Engine)
	if f.Session != 0 {
		w.add("s.id = ?", int64(f.Session))
	}
	if f.Source != "" {
		w.add("s.source in (select r.id from telemetry_sources r where r.identity = ?)", f.Source)
	}
	if len(f.Scopes) > 0 {
		w.add("s.scope = any(?)", f.Scopes)
	}
	w.add("(s.ended_at is null or s.ended_at >= ?)", time.UnixMicro(from.Received).Add(-telemetry.StaleAfter))
	limit := w.limit(maxSessions)
	rows, _ := a.pool.Query(ctx, "select s.id from telemetry_sessions s"+w.sql()+" order by s.id desc"+limit, w.values...) // its error comes with the rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[telemetry.SessionID])
	if err != nil {
		return nil, fmt.Errorf("read the sessions of an engine: %w", err)
	}
	return ids, nil
}

const finish = `insert into telemetry_finished (engine, at) select e, clock_timestamp() from unnest($1::bigint[]) as u (e) on conflict (engine) do update set at = excluded.at`

// Finish implements [telemetry.Store].
func (a *Archive) Finish(ctx context.Context, engines []int64) error {
	if _, err := a.pool.Exec(ctx, finish, engines); err != nil {
		return fmt.Errorf("finish engines: %w", err)
	}
	return nil
}

// Finished returns those of these engines of which nothing more comes on record, unless they run.
func (a *Archive) Finished(ctx context.Context, engines []int64) ([]int64, error) {
	rows, _ := a.pool.Query(ctx, "select engine from telemetry_finished where engine = any($1)", engines) // its error comes with the rows
	finished, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("read which engines are finished: %w", err)
	}
	return finished, nil
}

// Engines returns those to which sessions came since, other than the known ones.
func (a *Archive) Engines(ctx context.Context, since time.Time, known []int64) ([]int64, error) {
	rows, _ := a.pool.Query(ctx, "select distinct engine from telemetry_sessions where id >= $1 and engine <> 0 and engine <> all($2)",
		int64(telemetry.FirstSession(since)), known) // its error comes with the rows
	engines, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("read who took sessions in: %w", err)
	}
	return engines, nil
}
