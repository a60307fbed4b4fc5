package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/api/management"
)

// A list is two statements in one round trip, for all scopes: mine gives the ids and when the
// user was last admitted, everything else is read for the rows of the page alone.
const (
	chosen = `
with mine as (%s),
chosen as (
    select m.*, mine.last_joined, greatest(m.started_at, m.ended_at, m.created_at, mine.last_joined) as last_active
    from meetings m join mine on mine.id = m.id
    where m.deleted_at is null and ($2 = '' or m.room_id ilike $2 or m.host_display_name ilike $2 or m.creator_id ilike $2))`

	listPage  = chosen + `, m as (select * from chosen order by %s limit $3 offset $4) select ` + meetingColumns + `, m.last_joined, m.last_active from m order by %s`
	countList = chosen + ` select count(*) from chosen`
)

var (
	mine = map[management.Scope]string{
		management.Owned: `select id, null::timestamptz as last_joined from meetings where creator_id = $1 and deleted_at is null`,
		management.Joined: `select p.meeting_id as id, max(p.admitted_at) as last_joined from meeting_participants p
			where p.user_id = $1 and p.admitted_at is not null group by p.meeting_id`,
		management.Feed: `select id, max(at) as last_joined from (
			select id, null::timestamptz as at from meetings where creator_id = $1 and deleted_at is null
			union all select meeting_id, admitted_at from meeting_participants where user_id = $1 and admitted_at is not null) either_way
			group by id`,
		management.All: `select id, null::timestamptz as last_joined from meetings where deleted_at is null and $1 = $1`,
	}
	order = map[management.Scope]string{
		management.Owned:  `created_at desc, id desc`,
		management.Joined: `last_joined desc, id desc`,
		management.Feed:   `(state = 'active') desc, last_active desc, id desc`,
		management.All:    `(state = 'active') desc, last_active desc, id desc`,
	}
)

// ListMeetings implements management.Store.
func (s *Store) ListMeetings(ctx context.Context, q management.Query) (page management.Page, err error) {
	ids, by := mine[q.Scope], order[q.Scope]
	if ids == "" {
		return page, fmt.Errorf("list meetings: no scope %q", q.Scope)
	}
	pattern := ""
	if q.Search != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Search) + "%"
	}
	b := &pgx.Batch{}
	b.Queue(fmt.Sprintf(countList, ids), q.User, pattern).QueryRow(func(row pgx.Row) error { return row.Scan(&page.Total) })
	b.Queue(fmt.Sprintf(listPage, ids, by, by), q.User, pattern, q.Limit, q.Offset).Query(func(rows pgx.Rows) (err error) {
		page.Meetings, err = pgx.CollectRows(rows, scanListed)
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return management.Page{}, fmt.Errorf("list meetings: %w", err)
	}
	return page, nil
}

func scanListed(row pgx.CollectableRow) (m management.Listed, err error) {
	err = row.Scan(append(into(&m.Meeting), maybe{&m.LastJoined}, maybe{&m.LastActive})...)
	return m, err
}
