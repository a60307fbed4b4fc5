package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/api/management"
)

// A list is one statement. Which meetings are in it and in what order is read from indexes;
// what is shown of them, the counts above all, is read for the rows of the page alone. The
// total is counted when the page does not say it.
const (
	listPage = `
with listed as %s (%s),
page as materialized (select * from listed order by %s limit $2 offset $3)
select ` + meetingColumns + `, page.last_joined, page.last_active,
    case when (select count(*) from page) < $2 then $3 + (select count(*) from page) else (%s) end
from page join meetings m on m.id = page.id
order by %s`

	searched = ` and (m.room_id ilike $4 or m.host_display_name ilike $4 or m.creator_id ilike $4)`

	activity = `greatest(m.started_at, m.ended_at, m.created_at)`
)

// list is how the meetings of a scope are found, and their order.
type list struct {
	// once has them found once for the page and the total. Otherwise each has a plan of its
	// own: that of a page stops at its end where an index has the order.
	once  bool
	where string // the last condition can be followed by another
	order string
	total string // without a search, when there is something quicker than to count those listed
}

var lists = map[management.Scope]list{
	management.Owned: {
		where: `
select m.id, m.created_at, null::timestamptz as last_joined, ` + activity + ` as last_active
from meetings m where m.creator_id = $1 and m.deleted_at is null`,
		order: `page.created_at desc, page.id desc`,
	},
	management.Joined: {
		where: `
select p.meeting_id as id, p.admitted_at as last_joined, greatest(` + activity + `, p.admitted_at) as last_active
from meeting_participants p, ` + theMeeting(`p.meeting_id`) + `
where p.user_id = $1 and p.admitted_at is not null`,
		order: `page.last_joined desc, page.id desc`,
		// Deleted meetings are few, and most likely none of these.
		total: `
select count(*) from meeting_participants p where p.user_id = $1 and p.admitted_at is not null
    and not exists (select from meetings m where m.id = p.meeting_id and m.deleted_at is not null)`,
	},
	management.Feed: {
		once: true,
		where: `
select m.id, m.state = 'active' as running, mine.last_joined, greatest(` + activity + `, mine.last_joined) as last_active
from (
    select id, max(at) as last_joined from (
        select id, null::timestamptz as at from meetings where creator_id = $1 and deleted_at is null
        union all
        select meeting_id, admitted_at from meeting_participants where user_id = $1 and admitted_at is not null) either_way
    group by id) mine, ` + theMeeting(`mine.id`) + `
where true`,
		order: `page.running desc, page.last_active desc, page.id desc`,
	},
	management.All: {
		where: `
select m.id, m.state = 'active' as running, null::timestamptz as last_joined, ` + activity + ` as last_active
from meetings m where m.deleted_at is null and $1 = $1`,
		order: `page.running desc, page.last_active desc, page.id desc`,
	},
}

// theMeeting is the meeting with an id that a row before has. Without the offset the planner
// may find it quicker to read all meetings than those of somebody who was in many.
func theMeeting(id string) string {
	return `lateral (select * from meetings where id = ` + id + ` and deleted_at is null offset 0) m`
}

// ListMeetings implements management.Store.
func (s *Store) ListMeetings(ctx context.Context, q management.Query) (page management.Page, err error) {
	sql, err := statement(q)
	if err != nil {
		return page, err
	}
	args := []any{q.User, q.Limit, q.Offset}
	if q.Search != "" {
		args = append(args, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Search)+"%")
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err == nil {
		page.Meetings, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m management.Listed, err error) {
			err = row.Scan(append(into(&m.Meeting), maybe{&m.LastJoined}, maybe{&m.LastActive}, &page.Total)...)
			return m, err
		})
	}
	if err != nil {
		return management.Page{}, fmt.Errorf("list meetings: %w", err)
	}
	if len(page.Meetings) == 0 && q.Offset > 0 { // no row behind the end tells where that is
		q.Limit, q.Offset = 1, 0
		first, err := s.ListMeetings(ctx, q)
		return management.Page{Total: first.Total}, err
	}
	return page, nil
}

// statement is the SQL for q.
func statement(q management.Query) (string, error) {
	l, known := lists[q.Scope]
	if !known {
		return "", fmt.Errorf("list meetings: no scope %q", q.Scope)
	}
	how, where, total := "not materialized", l.where, l.total
	if l.once {
		how = "materialized"
	}
	if q.Search != "" {
		where += searched
	}
	if q.Search != "" || total == "" {
		total = `select count(*) from listed`
	}
	return fmt.Sprintf(listPage, how, where, strings.ReplaceAll(l.order, "page.", ""), total, l.order), nil
}
