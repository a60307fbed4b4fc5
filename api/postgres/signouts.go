package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const selectSignOutRevision = `select revision from sign_out_revision`

// One statement, so that rows and revision belong together.
const selectSignOuts = `
select r.revision, coalesce(s.session_id, ''), coalesce(s.keep_until, 'epoch')
from sign_out_revision r
left join sign_outs s on s.revision > $1 and s.keep_until > clock_timestamp()`

const nextSignOut = `update sign_out_revision set revision = revision + 1 returning revision`

const insertSignOut = `
insert into sign_outs (session_id, revision, keep_until) values ($1, $2, $3)
on conflict (session_id) do nothing`

const selectSignOut = `select revision from sign_outs where session_id = $1`

const deleteSignOuts = `delete from sign_outs where keep_until <= clock_timestamp()`

// SignOutRevision returns how many sessions were ever ended. It is cheap.
func (s *Store) SignOutRevision(ctx context.Context) (revision int64, err error) {
	if err := s.pool.QueryRow(ctx, selectSignOutRevision).Scan(&revision); err != nil {
		return 0, fmt.Errorf("read revision of sign-outs: %w", err)
	}
	return revision, nil
}

// SignOuts returns the sessions that were ended after a revision, each with the time until
// which to remember it, and the revision as of which.
func (s *Store) SignOuts(ctx context.Context, after int64) (revision int64, all map[string]time.Time, err error) {
	rows, err := s.pool.Query(ctx, selectSignOuts, after)
	if err != nil {
		return 0, nil, fmt.Errorf("read sign-outs: %w", err)
	}
	all = map[string]time.Time{}
	var id string
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&revision, &id, &until}, func() error {
		if id != "" { // else there is none
			all[id] = until
		}
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("read sign-outs: %w", err)
	}
	return revision, all, nil
}

// errKnown rolls back what was done before.
var errKnown = errors.New("the session was ended before")

// SignOut records that a session was ended, to be remembered until a given time, and returns
// the revision with that. Doing it again changes nothing.
func (s *Store) SignOut(ctx context.Context, session string, until time.Time) (revision int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, nextSignOut).Scan(&revision); err != nil {
			return err
		}
		added, err := tx.Exec(ctx, insertSignOut, session, revision, until)
		if err == nil && added.RowsAffected() == 0 {
			if err = tx.QueryRow(ctx, selectSignOut, session).Scan(&revision); err == nil {
				return errKnown
			}
		}
		return err
	})
	if err != nil && !errors.Is(err, errKnown) {
		return 0, fmt.Errorf("record sign-out: %w", err)
	}
	return revision, nil
}

// ForgetSignOuts deletes what was to be remembered until now or earlier.
func (s *Store) ForgetSignOuts(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, deleteSignOuts); err != nil {
		return fmt.Errorf("forget sign-outs: %w", err)
	}
	return nil
}
