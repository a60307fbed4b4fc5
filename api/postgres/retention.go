package postgres

import (
	"context"
	"fmt"
	"time"
)

// Other nodes may be at it as well: what one of them deletes the others leave alone.
const deleteSessions = `
delete from sessions where session_id in (
    select session_id from sessions where left_at < $1 limit $2 for update skip locked)`

// forgetAtOnce is how many rows one statement deletes, so that none holds up others for long.
const forgetAtOnce = 5_000

// ForgetSessions deletes the records of sessions that ended before a time, and returns how many
// it deleted, also with an error. It blocks until there are no more.
func (s *Store) ForgetSessions(ctx context.Context, before time.Time) (forgotten int64, err error) {
	for {
		done, err := s.pool.Exec(ctx, deleteSessions, before, forgetAtOnce)
		if err != nil {
			return forgotten, fmt.Errorf("forget sessions: %w", err)
		}
		forgotten += done.RowsAffected()
		if done.RowsAffected() < forgetAtOnce {
			return forgotten, nil
		}
	}
}
