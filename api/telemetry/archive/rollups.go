package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// RollupQuery says which roll-ups are asked for. Empty fields ask for all, but never mix what
// is counted by source and what is counted by kind.
type RollupQuery struct {
	Catalogue string
	Kinds     []uint16
	BySource  bool // all kinds of each source, instead of each kind of all
	Source    string
	Scopes    []string // nil is all, empty is none
	ByScope   bool     // each scope on its own, instead of together
	Measures  []string // "" is the number of events
	From, To  time.Time
	Step      time.Duration // of whole minutes; 0 is all in one
}

// Point is what was counted in one step.
type Point struct {
	Bucket    time.Time // when the step began
	Kind      int32
	Scope     string // with ByScope
	Source    string // with BySource
	Dimension string
	Measure   string
	Count     uint64
	Sum       float64
	Histogram telemetry.Histogram
}

// MaxPoints is how many points an answer has at most; a question for more fails.
const MaxPoints = 100_000

// TooManyError says that an answer would be too long.
type TooManyError struct{}

// Error implements error.
func (TooManyError) Error() string { return "too many points: ask for less, or for longer steps" }

// Rollups returns points, the earliest first.
func (a *Archive) Rollups(ctx context.Context, q RollupQuery) ([]Point, error) {
	var w where
	step := q.Step.Seconds()
	if q.Step <= 0 {
		step = 1e15
	}
	w.values = append(w.values, step)
	bucket := "to_timestamp(floor(extract(epoch from u.bucket)::float8 / $1) * $1)"
	if q.Step <= 0 {
		bucket = "min(u.bucket)"
	}
	w.add("c.name = ?", q.Catalogue)
	switch {
	case q.BySource:
		w.add("u.kind = ?", telemetry.AllKinds)
	case len(q.Kinds) > 0:
		w.add("u.kind = any(?)", wide(q.Kinds))
	default:
		w.add("u.kind >= 0")
	}
	if q.Source != "" {
		w.add("u.source = ?", q.Source)
	}
	if q.Scopes != nil {
		w.add("u.scope = any(?)", q.Scopes)
	}
	if len(q.Measures) > 0 {
		w.add("u.measure = any(?)", q.Measures)
	}
	if !q.From.IsZero() {
		w.add("u.bucket > ?", q.From.Add(-time.Minute)) // the minute that is going on then
	}
	if !q.To.IsZero() {
		w.add("u.bucket < ?", q.To)
	}
	scope := "''"
	if q.ByScope {
		scope = "u.scope"
	}
	group := "floor(extract(epoch from u.bucket)::float8 / $1)"
	sql := "select " + bucket + ", u.kind, " + scope + ", u.source, u.dimension, u.measure, sum(u.count)::bigint, sum(u.sum), array_remove(array_agg(u.histogram), ''::bytea)" +
		" from telemetry_rollups u join telemetry_catalogues c on c.id = u.catalogue" + w.sql() +
		" group by " + group + ", 2, 3, 4, 5, 6"
	if q.Step > 0 {
		sql += ", 1"
	} else {
		sql = "select b.* from (" + sql + ") b"
	}
	sql += " order by 1, 2, 3, 4, 5, 6" + w.limit(MaxPoints+1)
	rows, _ := a.pool.Query(ctx, sql, w.values...) // its error comes with the rows
	points, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Point, err error) {
		var count int64
		var histograms [][]byte
		err = row.Scan(&p.Bucket, &p.Kind, &p.Scope, &p.Source, &p.Dimension, &p.Measure, &count, &p.Sum, &histograms)
		p.Count = uint64(count)
		for _, b := range histograms {
			var h telemetry.Histogram
			if err := h.UnmarshalBinary(b); err != nil {
				return p, err
			}
			p.Histogram.Merge(h)
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("read roll-ups: %w", err)
	}
	if len(points) > MaxPoints {
		return nil, TooManyError{}
	}
	return points, nil
}

const selectOthers = `
select exists (
    select from telemetry_sessions s
    join telemetry_sources r on r.id = s.source
    join telemetry_catalogues c on c.id = r.catalogue
    where c.name = $1 and s.scope = any($2) and s.began_at < $3
    and (s.ended_at is null or s.ended_at >= $4 or s.reason = '` + staleReason + `' and s.ended_at >= $5)
)`

// CountedSince returns from when on roll-ups of scopes tell of nothing that came before a time: that
// time or, when there were sessions before it in the same minute, the beginning of the next one.
func (a *Archive) CountedSince(ctx context.Context, catalogue string, scopes []string, since time.Time) (time.Time, error) {
	var others bool
	minute := since.Truncate(time.Minute)
	err := a.pool.QueryRow(ctx, selectOthers, catalogue, scopes, since, minute, minute.Add(-telemetry.StaleAfter)).Scan(&others)
	if err != nil {
		return since, fmt.Errorf("look for sessions of the same minute: %w", err)
	}
	if others {
		return minute.Add(time.Minute), nil
	}
	return since, nil
}

// Stage is how many events continued one that opened something.
type Stage struct {
	Kind      uint16
	Count     uint64
	Histogram telemetry.Histogram // milliseconds since the opening
}

// Funnel returns how many events of kind opened there were, and what they became, by kind.
// The query's kinds, measures and step do not matter.
func (a *Archive) Funnel(ctx context.Context, opened uint16, q RollupQuery) (started uint64, stages []Stage, err error) {
	q.BySource, q.Step, q.ByScope = false, 0, false
	q.Kinds, q.Measures = []uint16{opened}, []string{""}
	points, err := a.Rollups(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range points {
		started += p.Count
	}
	q.Kinds, q.Measures = nil, []string{telemetry.SinceMeasure(opened)}
	if points, err = a.Rollups(ctx, q); err != nil {
		return 0, nil, err
	}
	at := map[int32]int{}
	for _, p := range points {
		i, ok := at[p.Kind]
		if !ok {
			i = len(stages)
			at[p.Kind] = i
			stages = append(stages, Stage{Kind: uint16(p.Kind)})
		}
		stages[i].Count += p.Count
		stages[i].Histogram.Merge(p.Histogram)
	}
	return started, stages, nil
}
