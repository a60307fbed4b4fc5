package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// Activity is what came lately.
type Activity struct {
	Sources uint64   // that sent something
	Seconds []Second // in which something came, the last first
}

// Second is what came in one.
type Second struct {
	At      time.Time // when it began
	Sources uint64
	Kinds   []Tally
}

// Tally counts the events of one kind.
type Tally struct {
	Kind    uint16
	Index   telemetry.Number // with [Archive.Tallies]
	Count   uint64
	Highest telemetry.Number // of their numbers
	Last    time.Time        // when the last one came, to the second in an [Activity]
}

const secondsOfKinds = `
select date_trunc('second', e.received_at), e.kind, count(*), max(e.number)
from telemetry_events e
join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.received_at >= $2
group by 1, 2
order by 1 desc, 2`

const secondsOfSources = `
select date_trunc('second', e.received_at), count(distinct s.source)
from telemetry_events e
join telemetry_sessions s on s.id = e.session
join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.received_at >= $2
group by grouping sets ((1), ())`

// Activity returns what came from a time on. It reads every event of that time: make it
// minutes at most.
func (a *Archive) Activity(ctx context.Context, catalogue string, since time.Time) (Activity, error) {
	var all Activity
	var at time.Time
	var t Tally
	var kind int32
	var count int64
	var highest *int64
	places := map[int64]int{}
	rows, _ := a.pool.Query(ctx, secondsOfKinds, catalogue, since) // its error comes with the rows
	_, err := pgx.ForEachRow(rows, []any{&at, &kind, &count, &highest}, func() error {
		t = Tally{Kind: uint16(kind), Count: uint64(count), Last: at}
		if highest != nil {
			t.Highest = telemetry.Of(uint64(*highest))
		}
		i, ok := places[at.Unix()]
		if !ok {
			i = len(all.Seconds)
			places[at.Unix()] = i
			all.Seconds = append(all.Seconds, Second{At: at})
		}
		all.Seconds[i].Kinds = append(all.Seconds[i].Kinds, t)
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("count events by second: %w", err)
	}
	var second *time.Time
	rows, _ = a.pool.Query(ctx, secondsOfSources, catalogue, since)
	_, err = pgx.ForEachRow(rows, []any{&second, &count}, func() error {
		if second == nil {
			all.Sources = uint64(count)
		} else if i, ok := places[second.Unix()]; ok { // others came between the two
			all.Seconds[i].Sources = uint64(count)
		}
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("count sources by second: %w", err)
	}
	return all, nil
}

// Tallies counts events by kind and, of those kinds that byIndex names, by index. The page of
// the query does not matter. It reads every one of the events: bound the time.
func (a *Archive) Tallies(ctx context.Context, q EventQuery, byIndex ...uint16) ([]Tally, error) {
	w, err := a.wanted(ctx, &q)
	if err != nil || w == nil {
		return nil, err
	}
	w.values = append(w.values, wide(byIndex))
	index := fmt.Sprintf("case when e.kind = any($%d) then e.number2 end", len(w.values))
	rows, _ := a.pool.Query(ctx, "select e.kind, "+index+", count(*), max(e.number), max(e.received_at) from telemetry_events e join telemetry_catalogues c on c.id = e.catalogue"+
		w.sql()+" group by 1, 2 order by 3 desc, 1, 2", w.values...) // its error comes with the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Tally, err error) {
		var kind int32
		var index, highest *int64
		var count int64
		err = row.Scan(&kind, &index, &count, &highest, &t.Last)
		t.Kind, t.Count = uint16(kind), uint64(count)
		if index != nil {
			t.Index = telemetry.Of(uint64(*index))
		}
		if highest != nil {
			t.Highest = telemetry.Of(uint64(*highest))
		}
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	return all, nil
}

// Size asks the database something and returns how many bytes it has on disk.
func (a *Archive) Size(ctx context.Context) (bytes int64, err error) {
	if err := a.pool.QueryRow(ctx, "select pg_database_size(current_database())").Scan(&bytes); err != nil {
		return 0, fmt.Errorf("ask for the size of the database: %w", err)
	}
	return bytes, nil
}

// State is what is known of a source.
type State struct {
	Source  string
	Highest telemetry.Number // of the events of a kind
	Last    time.Time        // when its last event came
}

const selectStates = `
select r.identity, max(e.number) filter (where e.kind = $2), max(e.received_at)
from telemetry_events e
join telemetry_sessions s on s.id = e.session
join telemetry_sources r on r.id = s.source
join telemetry_catalogues c on c.id = e.catalogue
where c.name = $1 and e.received_at >= $3
group by 1
order by 2, 3`

// States returns how far sources have come that sent something since a time, those first that
// are furthest behind. It reads every event of that time: make it minutes at most.
func (a *Archive) States(ctx context.Context, catalogue string, kind uint16, since time.Time) ([]State, error) {
	rows, _ := a.pool.Query(ctx, selectStates, catalogue, int32(kind), since) // its error comes with the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s State, err error) {
		var highest *int64
		err = row.Scan(&s.Source, &highest, &s.Last)
		if highest != nil {
			s.Highest = telemetry.Of(uint64(*highest))
		}
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read how far sources are: %w", err)
	}
	return all, nil
}
