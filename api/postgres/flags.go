package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"parley/api/flags"
)

const selectRevision = `select revision from flag_revision`

// One statement, so that values and revision belong together.
const selectFlags = `
select r.revision, coalesce(v.flag, ''), coalesce(v.room_id, ''), coalesce(v.value, '')
from flag_revision r left join flag_values v on true`

const nextRevision = `update flag_revision set revision = revision + 1 returning revision`

const selectFlag = `select value from flag_values where flag = $1 and coalesce(room_id, '') = $2`

const upsertFlag = `
insert into flag_values (flag, room_id, value) values ($1, nullif($2, ''), $3)
on conflict (flag, coalesce(room_id, '')) do update set value = excluded.value`

const deleteFlag = `delete from flag_values where flag = $1 and coalesce(room_id, '') = $2`

const insertChange = `
insert into flag_changes (revision, changed_by, flag, room_id, value_before, value_after, reason)
values ($1, $2, $3, nullif($4, ''), $5, $6, $7)
returning changed_at`

const selectChanges = `
select revision, changed_at, changed_by, flag, coalesce(room_id, ''), value_before, value_after, reason
from flag_changes where $1 = '' or flag = $1
order by revision desc limit $2 offset $3`

const countChanges = `select count(*) from flag_changes where $1 = '' or flag = $1`

// FlagRevision returns the number of changes so far. It is cheap.
func (s *Store) FlagRevision(ctx context.Context) (revision int64, err error) {
	if err := s.pool.QueryRow(ctx, selectRevision).Scan(&revision); err != nil {
		return 0, fmt.Errorf("read revision of flags: %w", err)
	}
	return revision, nil
}

// Flags returns what admins have set, in no order, and the revision as of which.
func (s *Store) Flags(ctx context.Context) (revision int64, all []flags.Assignment, err error) {
	rows, err := s.pool.Query(ctx, selectFlags)
	if err != nil {
		return 0, nil, fmt.Errorf("read flags: %w", err)
	}
	var a flags.Assignment
	_, err = pgx.ForEachRow(rows, []any{&revision, &a.Name, &a.Room, &a.Value}, func() error {
		if a.Name != "" { // else nothing is set at all
			all = append(all, a)
		}
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("read flags: %w", err)
	}
	return revision, all, nil
}

// errSame rolls back what changes nothing.
var errSame = errors.New("the flag has that value already")

// ChangeFlag carries o out and records it, or neither. Changes are made one after another. One
// that changes nothing is not recorded and returns nil.
func (s *Store) ChangeFlag(ctx context.Context, o flags.Order) (*flags.Change, error) {
	c := flags.Change{By: o.By, Flag: o.Flag, Room: o.Room, After: o.Value, Reason: o.Reason}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, nextRevision).Scan(&c.Revision); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, selectFlag, o.Flag, o.Room).Scan(&c.Before)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			c.Before = nil
		case err != nil:
			return err
		}
		switch {
		case c.Before == c.After, c.Before != nil && c.After != nil && *c.Before == *c.After:
			return errSame
		case o.Value == nil:
			_, err = tx.Exec(ctx, deleteFlag, o.Flag, o.Room)
		default:
			_, err = tx.Exec(ctx, upsertFlag, o.Flag, o.Room, *o.Value)
		}
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, insertChange,
			c.Revision, c.By, c.Flag, c.Room, c.Before, c.After, c.Reason).Scan(&c.At)
	})
	switch {
	case errors.Is(err, errSame):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("change flag %s: %w", o.Flag, err)
	}
	c.At = c.At.UTC()
	return &c, nil
}

// FlagChanges returns the record of one flag, or of all when flag is "": at most limit entries
// after the newest offset ones.
func (s *Store) FlagChanges(ctx context.Context, flag string, limit, offset int) (flags.Log, error) {
	log := flags.Log{}
	rows, err := s.pool.Query(ctx, selectChanges, flag, limit, offset)
	if err == nil {
		log.Changes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[flags.Change])
	}
	if err == nil {
		err = s.pool.QueryRow(ctx, countChanges, flag).Scan(&log.Total)
	}
	if err != nil {
		return flags.Log{}, fmt.Errorf("read changes of flags: %w", err)
	}
	for i := range log.Changes {
		log.Changes[i].At = log.Changes[i].At.UTC()
	}
	return log, nil
}
