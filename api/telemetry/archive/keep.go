package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// ahead is for how many days after today there are tables.
const ahead = 2

// keepLock is the advisory lock of who makes and drops tables: nodes take turns.
const keepLock = 0x7061726c65795401

// writersAge is for how long it is known what a node has counted: it may start again, after
// it was killed, within that time.
const writersAge = 90 * 24 * time.Hour

const dayName = "20060102"

// parents are the tables that have one per day, and the class of events in them; 0 is
// roll-ups.
var parents = []struct {
	name  string
	class telemetry.Class
}{
	{"telemetry_events_sample", telemetry.Samples},
	{"telemetry_events_meta", telemetry.Meta},
	{"telemetry_events_lifecycle", telemetry.Lifecycle},
	{"telemetry_events_failure", telemetry.Failure},
	{"telemetry_rollups", 0},
}

// tables makes the tables of these days where they are not known to be there.
func (a *Archive) tables(ctx context.Context, days []time.Time) error {
	var missing []time.Time
	a.mu.Lock()
	for _, d := range days {
		if !a.days[d.Format(dayName)] {
			missing = append(missing, d)
		}
	}
	a.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	for _, d := range missing {
		for _, p := range parents {
			if err := a.table(ctx, p.name, p.class, d); err != nil {
				return fmt.Errorf("make tables of a day: %w", err)
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range missing {
		a.days[d.Format(dayName)] = true
	}
	return nil
}

// table makes the table of a day, and the key of events in it, while no other node does. It is
// a transaction for each, for it waits for whoever writes to the one above, who may wait for
// another of these.
func (a *Archive) table(ctx context.Context, parent string, class telemetry.Class, day time.Time) error {
	name := parent + "_" + day.Format(dayName) // names and dates are ours: nothing to escape
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(keepLock)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf("create table if not exists %s partition of %s for values from ('%s') to ('%s')",
			name, parent, day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly)))
		if err != nil || class == 0 {
			return err
		}
		var keyed bool // to ask for the index itself would wait for all that are writing
		if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", name+"_key").Scan(&keyed); err != nil || keyed {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf("create unique index %s_key on %s (session, seq)", name, name))
		return err
	})
}

func (a *Archive) forgetTables() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.days)
}

// staleReason is why sessions ended of which nobody spoke any more: after their end something may
// have come still.
const staleReason = "the node that had it is gone"

const endStale = `
update telemetry_sessions set ended_at = alive_at, reason = '` + staleReason + `'
where ended_at is null and alive_at < $1`

const dropSessions = `
with gone as (delete from telemetry_sessions where ended_at < $1 returning id),
     losses as (delete from telemetry_losses where session in (select id from gone))
delete from telemetry_quarantine where received_at < $1`

const dropSources = `
delete from telemetry_sources s where last_seen < $1
and not exists (select from telemetry_sessions where source = s.id)`

// Keep implements [telemetry.Store].
func (a *Archive) Keep(ctx context.Context, r telemetry.Retention) error {
	now := time.Now().UTC()
	today := now.Truncate(24 * time.Hour)
	a.forgetTables() // other nodes drop them too
	var days []time.Time
	for i := range ahead + 1 {
		days = append(days, today.AddDate(0, 0, i))
	}
	if err := a.tables(ctx, days); err != nil {
		return err
	}
	if _, err := a.pool.Exec(ctx, endStale, now.Add(-telemetry.StaleAfter)); err != nil {
		return fmt.Errorf("end sessions of nodes that are gone: %w", err)
	}
	for _, p := range parents {
		age := r.Rollups
		if p.class != 0 {
			age = r.Of(p.class)
		}
		if age <= 0 {
			continue
		}
		if err := a.drop(ctx, p.name, now.Add(-age)); err != nil {
			return err
		}
	}
	for _, sql := range []string{"delete from telemetry_writers where counted_at < $1", "delete from telemetry_finished where at < $1"} {
		if _, err := a.pool.Exec(ctx, sql, now.Add(-writersAge)); err != nil {
			return fmt.Errorf("drop old writers: %w", err)
		}
	}
	if r.Sessions > 0 {
		before := now.Add(-r.Sessions)
		for _, sql := range []string{dropSessions, dropSources} {
			if _, err := a.pool.Exec(ctx, sql, before); err != nil {
				return fmt.Errorf("drop old sessions: %w", err)
			}
		}
	}
	return nil
}

const listDays = `
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = $1::regclass order by 1`

// drop drops the tables of days that ended before a time.
func (a *Archive) drop(ctx context.Context, parent string, before time.Time) error {
	rows, _ := a.pool.Query(ctx, listDays, parent) // its error comes with the rows
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list tables of days: %w", err)
	}
	for _, name := range names {
		day, err := time.Parse(parent+"_"+dayName, name)
		if err != nil || day.AddDate(0, 0, 1).After(before) {
			continue
		}
		if _, err := a.pool.Exec(ctx, "drop table if exists "+name); err != nil {
			return fmt.Errorf("drop table of a day: %w", err)
		}
	}
	return nil
}
