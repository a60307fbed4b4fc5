package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/meeting"
)

// A node lived when it last said so, and when the last of its people came.
const selectOpen = `
select s.session_id, s.room_id, s.user_id, s.display_name, s.node_id, s.transport, s.instance,
    greatest(n.alive_at, max(s.entered_at) over ())
from sessions s left join nodes n using (node_id)
where s.node_id = $1 and s.left_at is null
order by s.entered_at`

const selectAbsent = `
select node_id, coalesce(n.alive_at > now() - $2::interval, false)
from (select node_id from sessions where left_at is null union select node_id from nodes) s
    left join nodes n using (node_id)
where node_id <> all (coalesce($1::text[], '{}'))
order by node_id`

const (
	sayAlive = `
insert into nodes (node_id, alive_at) values ($1, now())
on conflict (node_id) do update set alive_at = excluded.alive_at`

	forgetNode = `delete from nodes where node_id = $1`
)

// OpenOn implements meeting.Store.
func (s *Store) OpenOn(ctx context.Context, node string) ([]meeting.Open, error) {
	rows, err := s.pool.Query(ctx, selectOpen, node)
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowToStructByPos[meeting.Open])
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	return open, nil
}

// Absent implements meeting.Store.
func (s *Store) Absent(ctx context.Context, there []string, silence time.Duration) (silent, writing []string, err error) {
	rows, err := s.pool.Query(ctx, selectAbsent, there, silence)
	if err != nil {
		return nil, nil, fmt.Errorf("list nodes: %w", err)
	}
	var node string
	var alive bool
	_, err = pgx.ForEachRow(rows, []any{&node, &alive}, func() error {
		if alive {
			writing = append(writing, node)
		} else {
			silent = append(silent, node)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list nodes: %w", err)
	}
	return silent, writing, nil
}

// Alive implements meeting.Store.
func (s *Store) Alive(ctx context.Context, node string) error {
	if _, err := s.pool.Exec(ctx, sayAlive, node); err != nil {
		return fmt.Errorf("say that %s lives: %w", node, err)
	}
	return nil
}

// Gone implements meeting.Store.
func (s *Store) Gone(ctx context.Context, node string) error {
	if _, err := s.pool.Exec(ctx, forgetNode, node); err != nil {
		return fmt.Errorf("forget node %s: %w", node, err)
	}
	return nil
}
