package archive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// forgetting are the statements that take a source out of the record; roll-ups by kind say
// nothing of who it was and stay.
var forgetting = []string{
	`create temporary table telemetry_forgotten on commit drop as
		select s.id from telemetry_sessions s join telemetry_sources r on r.id = s.source
		join telemetry_catalogues c on c.id = r.catalogue where c.name = $1 and r.identity = $2`,
	`delete from telemetry_events where session in (select id from telemetry_forgotten)`,
	`delete from telemetry_losses where session in (select id from telemetry_forgotten)`,
	`delete from telemetry_quarantine where session in (select id from telemetry_forgotten)`,
	`delete from telemetry_rollups u using telemetry_catalogues c where c.id = u.catalogue and c.name = $1 and u.source = $2`,
	`delete from telemetry_sources r using telemetry_catalogues c where c.id = r.catalogue and c.name = $1 and r.identity = $2`,
}

// Forget takes everything out of the record that a source sent, and returns how many events
// that were. What it sends from then on is kept again.
func (a *Archive) Forget(ctx context.Context, catalogue, identity string) (events int64, err error) {
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		for i, sql := range forgetting {
			var values []any
			if i == 0 || i >= len(forgetting)-2 {
				values = []any{catalogue, identity}
			}
			done, err := tx.Exec(ctx, sql, values...)
			if err != nil {
				return err
			}
			if i == 1 {
				events = done.RowsAffected()
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("forget a source: %w", err)
	}
	return events, nil
}
