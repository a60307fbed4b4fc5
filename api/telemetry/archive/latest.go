package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// Latest is a source with its last session.
type Latest struct {
	telemetry.Session
	Open   bool
	Seen   time.Time // when it was last known to be there
	Events uint64    // of all its sessions
}

const selectLatest = `
select distinct on (r.id) r.identity, s.id, s.scope, s.version, s.labels, s.parameters, s.began_at, s.ended_at,
    coalesce(s.ended_at, s.alive_at), s.ended_at is null and s.alive_at > clock_timestamp() - $1::interval,
    (select sum(t.events)::bigint from telemetry_sessions t where t.source = r.id)
from telemetry_sources r
join telemetry_catalogues c on c.id = r.catalogue
join telemetry_sessions s on s.source = r.id`

// Latest returns sources of a catalogue, or the one of that identity, those with an open
// session first, at most so many.
func (a *Archive) Latest(ctx context.Context, catalogue, identity string, limit int) ([]Latest, error) {
	var w where
	w.values = append(w.values, telemetry.StaleAfter)
	w.add("c.name = ?", catalogue)
	if identity != "" {
		w.add("r.identity = ?", identity)
	}
	most := w.limit(limit)
	rows, _ := a.pool.Query(ctx, selectLatest+w.sql()+" order by r.id, s.id desc"+most, w.values...) // its error comes with the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Latest, err error) {
		var ended *time.Time
		var events int64
		err = row.Scan(&l.Identity, &l.ID, &l.Scope, &l.Version, &l.Labels, &l.Parameters, &l.Began, &ended, &l.Seen, &l.Open, &events)
		if ended != nil {
			l.Ended = *ended
		}
		l.Catalogue, l.Events = catalogue, uint64(events)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the latest sessions: %w", err)
	}
	slices.SortStableFunc(all, func(a, b Latest) int {
		switch {
		case a.Open == b.Open:
			return cmp.Compare(b.ID, a.ID)
		case a.Open:
			return -1
		}
		return 1
	})
	return all, nil
}

const selectHighest = `
select e.number from telemetry_events e join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.kind = $2 and e.received_at >= $3 and e.number is not null order by e.number desc limit 1`

// Highest returns the highest number of events of a kind that came since a time.
func (a *Archive) Highest(ctx context.Context, catalogue string, kind uint16, since time.Time) (n telemetry.Number, err error) {
	var value int64
	err = a.pool.QueryRow(ctx, selectHighest, catalogue, int32(kind), since).Scan(&value)
	switch {
	case err == pgx.ErrNoRows:
		return n, nil
	case err != nil:
		return n, fmt.Errorf("read the highest number: %w", err)
	}
	return telemetry.Of(uint64(value)), nil
}

// Second is how many events of one kind came in one second.
type Second struct {
	At    time.Time
	Kind  uint16
	Class telemetry.Class
	Count uint64
}

const selectSeconds = `
select date_trunc('second', e.received_at), e.kind, e.class, count(*)
from telemetry_events e join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.received_at >= $2 group by 1, 2, 3 order by 1, 2`

// Seconds returns what came since a time, which is not long ago, the earliest first.
func (a *Archive) Seconds(ctx context.Context, catalogue string, since time.Time) ([]Second, error) {
	rows, _ := a.pool.Query(ctx, selectSeconds, catalogue, since) // its error comes with the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Second, err error) {
		var kind int32
		var count int64
		err = row.Scan(&s.At, &kind, &s.Class, &count)
		s.Kind, s.Count = uint16(kind), uint64(count)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("count events by second: %w", err)
	}
	return all, nil
}

const selectSenders = `
select date_trunc('second', e.received_at), count(distinct e.session)
from telemetry_events e join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.received_at >= $2 group by 1`

// Senders returns from how many sessions events came, by second.
func (a *Archive) Senders(ctx context.Context, catalogue string, since time.Time) (map[time.Time]int, error) {
	rows, _ := a.pool.Query(ctx, selectSenders, catalogue, since) // its error comes with the rows
	senders := map[time.Time]int{}
	var at time.Time
	var n int
	_, err := pgx.ForEachRow(rows, []any{&at, &n}, func() error {
		senders[at.UTC()] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count senders by second: %w", err)
	}
	return senders, nil
}

// Ping reports how long the database takes to answer.
func (a *Archive) Ping(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	err := a.pool.Ping(ctx)
	return time.Since(begin), err
}
