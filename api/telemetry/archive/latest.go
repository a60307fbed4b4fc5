package archive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// Latest is a source with its last session, an open one before others.
type Latest struct {
	telemetry.Session
	FirstSeen time.Time // of the source
	Alive     time.Time // when something was last heard of the session
	Open      int64     // sessions that go on
	Total     uint64    // events that came in all sessions, whatever became of them
}

const selectLatest = `
select l.id, c.name, r.identity, l.scope, l.version, l.labels, l.parameters, l.began_at, l.ended_at, l.reason, l.events,
    r.first_seen, l.alive_at, t.open, t.total
from telemetry_sources r
join telemetry_catalogues c on c.id = r.catalogue
cross join lateral (
    select *, s.ended_at is null and s.alive_at > clock_timestamp() - $1::interval as goes_on
    from telemetry_sessions s where s.source = r.id order by goes_on desc, s.id desc limit 1
) l
cross join lateral (
    select count(*) filter (where s.ended_at is null and s.alive_at > clock_timestamp() - $1::interval) as open, sum(s.events)::bigint as total
    from telemetry_sessions s where s.source = r.id
) t`

// Latest returns sources, those first that have an open session and then the last seen first,
// leaving out as many as offset says. The cursor of the query does not matter.
func (a *Archive) Latest(ctx context.Context, q SourceQuery, offset int) ([]Latest, error) {
	var w where
	w.values = append(w.values, telemetry.StaleAfter)
	if q.Catalogue != "" {
		w.add("c.name = ?", q.Catalogue)
	}
	if q.Identity != "" {
		w.add("r.identity = ?", q.Identity)
	}
	limit := w.limit(q.Limit) + " offset " + strconv.Itoa(max(offset, 0))
	rows, _ := a.pool.Query(ctx, selectLatest+w.sql()+" order by t.open > 0 desc, l.alive_at desc, r.id"+limit, w.values...) // its error comes with the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Latest, err error) {
		var ended *time.Time
		var reason *string
		var events, total int64
		err = row.Scan(&l.ID, &l.Catalogue, &l.Identity, &l.Scope, &l.Version, &l.Labels, &l.Parameters, &l.Began, &ended, &reason, &events,
			&l.FirstSeen, &l.Alive, &l.Open, &total)
		closed(&l.Session, ended, reason, events)
		l.Total = uint64(total)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return all, nil
}
