package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// upsertRollups never goes back: totals of a writer only grow.
const upsertRollups = `
insert into telemetry_rollups (bucket, catalogue, kind, scope, source, dimension, measure, writer, count, sum, histogram)
select * from unnest($1::timestamptz[], $2::smallint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::float8[], $11::bytea[])
on conflict (bucket, catalogue, kind, scope, source, dimension, measure, writer) do update
set count = excluded.count, sum = excluded.sum, histogram = excluded.histogram
where telemetry_rollups.count < excluded.count`

const (
	// Nor does this.
	upsertMark = `
insert into telemetry_writers (id, rows, counted_at) values ($1, $2, clock_timestamp())
on conflict (id) do update set rows = excluded.rows, counted_at = excluded.counted_at
where telemetry_writers.rows < excluded.rows`

	// What the writer itself may still be committing is waited for, and then it is another mark.
	moveMark = `
insert into telemetry_writers (id, rows, counted_at) values ($1, $2, clock_timestamp())
on conflict (id) do update set rows = excluded.rows, counted_at = excluded.counted_at
where telemetry_writers.rows = $3`
)

// rollupBatch is how many roll-ups are written with one statement.
const rollupBatch = 5000

// WriteRollups implements [telemetry.Store].
func (a *Archive) WriteRollups(ctx context.Context, cells []telemetry.Rollup, upTo telemetry.Mark) error {
	return a.count(ctx, cells, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, upsertMark, upTo.Writer, int64(upTo.Rows))
		return err
	})
}

// Counted implements [telemetry.Store].
func (a *Archive) Counted(ctx context.Context, writer int64) (uint64, error) {
	var rows int64
	err := a.pool.QueryRow(ctx, "select rows from telemetry_writers where id = $1", writer).Scan(&rows)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read what is counted: %w", err)
	}
	return uint64(rows), nil
}

var errMoved = errors.New("somebody else has counted")

// RecoverRollups implements [telemetry.Store].
func (a *Archive) RecoverRollups(ctx context.Context, cells []telemetry.Rollup, from, upTo telemetry.Mark) error {
	return a.count(ctx, cells, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, moveMark, upTo.Writer, int64(upTo.Rows), int64(from.Rows))
		if err == nil && tag.RowsAffected() != 1 {
			err = errMoved
		}
		return err
	})
}

// count writes cells in one transaction, which begins with a mark.
func (a *Archive) count(ctx context.Context, cells []telemetry.Rollup, mark func(pgx.Tx) error) error {
	days := map[time.Time]bool{}
	for _, c := range cells {
		if d := c.Bucket.Truncate(24 * time.Hour); !days[d] {
			days[d] = true
			if err := a.tables(ctx, []time.Time{d}); err != nil {
				return err
			}
		}
		if _, err := a.catalogue(ctx, c.Catalogue); err != nil {
			return err
		}
	}
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if err := mark(tx); err != nil {
			return err
		}
		for rest := cells; len(rest) > 0; {
			n := min(len(rest), rollupBatch)
			if err := a.rollups(ctx, tx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store roll-ups: %w", err)
	}
	return nil
}

func (a *Archive) rollups(ctx context.Context, tx pgx.Tx, cells []telemetry.Rollup) error {
	var buckets []time.Time
	var catalogues []int16
	var kinds []int32
	var scopes, sources, dimensions, measures []string
	var writers, counts []int64
	var sums []float64
	var histograms [][]byte
	for _, c := range cells {
		catalogue, err := a.catalogue(ctx, c.Catalogue) // known by now
		if err != nil {
			return err
		}
		buckets, catalogues, kinds = append(buckets, c.Bucket), append(catalogues, catalogue), append(kinds, c.Kind)
		scopes, sources, dimensions, measures = append(scopes, c.Scope), append(sources, c.Source), append(dimensions, c.Dimension), append(measures, c.Measure)
		writers, counts, sums = append(writers, c.Writer), append(counts, int64(c.Count)), append(sums, c.Sum)
		histogram, _ := c.Histogram.AppendBinary(nil) // it does not fail
		histograms = append(histograms, histogram)
	}
	_, err := tx.Exec(ctx, upsertRollups, buckets, catalogues, kinds, scopes, sources, dimensions, measures, writers, counts, sums, histograms)
	return err
}
