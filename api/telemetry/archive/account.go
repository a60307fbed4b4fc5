package archive

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// Account is what there is of some sources, added up.
type Account struct {
	Sessions uint64
	Open     uint64                     // sessions that have not ended
	Stored   map[uint16]uint64          // events by kind
	Lost     map[telemetry.Cause]uint64 // events by cause
	Counted  uint64                     // events in roll-ups
	Holes    int64                      // numbers that are missing before others of their session
}

const accounted = `
select s.id, s.ended_at is null
from telemetry_sessions s
join telemetry_sources o on o.id = s.source
join telemetry_catalogues c on c.id = o.catalogue
where c.name = $1 and o.identity like $2`

// Account adds up all there is of the sources of a catalogue whose identity begins with a
// prefix. It reads every one of their events: it is for those who sent them for a test.
func (a *Archive) Account(ctx context.Context, catalogue, prefix string) (Account, error) {
	account := Account{Stored: map[uint16]uint64{}, Lost: map[telemetry.Cause]uint64{}}
	var (
		session int64
		open    bool
		all     []int64
	)
	pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
	rows, _ := a.pool.Query(ctx, accounted, catalogue, pattern) // its error comes with the rows
	_, err := pgx.ForEachRow(rows, []any{&session, &open}, func() error {
		all = append(all, session)
		if open {
			account.Open++
		}
		return nil
	})
	if err != nil {
		return account, fmt.Errorf("find sessions: %w", err)
	}
	account.Sessions = uint64(len(all))
	var kind uint16
	var count int64
	rows, _ = a.pool.Query(ctx, "select kind, count(*) from telemetry_events where session = any($1) group by kind", all)
	if _, err = pgx.ForEachRow(rows, []any{&kind, &count}, func() error {
		account.Stored[kind] = uint64(count)
		return nil
	}); err != nil {
		return account, fmt.Errorf("count events: %w", err)
	}
	var cause telemetry.Cause
	var sum string
	rows, _ = a.pool.Query(ctx, "select cause, sum(count)::text from telemetry_losses where session = any($1) group by cause", all)
	if _, err = pgx.ForEachRow(rows, []any{&cause, &sum}, func() error {
		account.Lost[cause] = natural(sum)
		return nil
	}); err != nil {
		return account, fmt.Errorf("add losses: %w", err)
	}
	var counted int64
	err = a.pool.QueryRow(ctx, countedEvents, catalogue, telemetry.AllKinds, pattern).Scan(&counted)
	if err == nil {
		err = a.pool.QueryRow(ctx, holes, all).Scan(&account.Holes)
	}
	if err != nil {
		return account, fmt.Errorf("add what is counted: %w", err)
	}
	account.Counted = uint64(counted)
	return account, nil
}

const countedEvents = `
select coalesce(sum(u.count), 0)::bigint from telemetry_rollups u
join telemetry_catalogues c on c.id = u.catalogue
where c.name = $1 and u.kind = $2 and u.measure = '' and u.source like $3`

// holes are the numbers up to the last one of each session without those that are accounted
// for. An event of kind 0 has the number of the first that it stands for, and is in the ledger.
const holes = `
with numbers as (
    select session, max(seq) + 1 as next, count(*) filter (where kind <> 0) as known from telemetry_events where session = any($1) group by 1
    union all
    select session, max(last_seq) + 1, sum(count) from telemetry_losses where session = any($1) group by 1
)
select coalesce(sum(next - known), 0)::bigint from (select max(next) as next, sum(known) as known from numbers group by session) n`

// EventBytes returns how many bytes all events take, with their indexes.
func (a *Archive) EventBytes(ctx context.Context) (uint64, error) {
	var n int64
	err := a.pool.QueryRow(ctx, `select coalesce(sum(pg_total_relation_size(relid)), 0)::bigint
from pg_partition_tree('telemetry_events') where isleaf`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("size of events: %w", err)
	}
	return uint64(n), nil
}
