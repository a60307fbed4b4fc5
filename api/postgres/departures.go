package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/meeting"
)

// Nobody waits for a lock here: whoever took the locks of many rooms in turn could wait for somebody
// who waits for them.
const (
	tryRooms = `select room from unnest($1::text[]) as room where pg_try_advisory_xact_lock(hashtextextended(room, $2))`

	meetingsOf = `select room_id from meetings where room_id = any($1) and deleted_at is null`

	tryMeetings = meetingsOf + ` for update skip locked`
)

const closeSessions = `
update sessions s set left_at = greatest(gone.at, s.entered_at)
from unnest($1::numeric[], $2::timestamptz[]) as gone (id, at)
where s.session_id = gone.id and s.left_at is null
returning s.room_id, s.user_id, s.entered_at`

// Who has left is no longer among those admitted either; see closeParticipant and exitAdmitted.
const closeDeparted = `
with gone as (
    select room_id, user_id, max(at) as at
    from unnest($1::text[], $2::text[], $3::timestamptz[]) as g (room_id, user_id, at)
    group by room_id, user_id
), closed as (
    update session_participants p set left_at = greatest(gone.at, p.joined_at)
    from gone
    where p.room_id = gone.room_id and p.user_id = gone.user_id and p.left_at is null and not exists (
        select from sessions s where s.room_id = p.room_id and s.user_id = p.user_id and s.left_at is null)
    returning p.room_id, p.user_id, p.left_at
), admitted as (
    update meeting_participants a set left_at = closed.left_at
    from closed, meetings m
    where m.room_id = closed.room_id and m.deleted_at is null and a.meeting_id = m.id and a.user_id = closed.user_id
        and a.status = 'admitted' and a.left_at is null and a.joined_at <= closed.left_at
)
select room_id, user_id, left_at from closed`

// Of the rooms of those who are gone: how many remain, and when whoever the meeting ends with left; see
// endsWith. A meeting that is over is over for everybody.
const endMeetings = `
with gone as (
    select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bool[], $5::timestamptz[])
        as g (room_id, user_id, at, ends, entered)
), hosts as (
    select gone.room_id, min(gone.at) as at
    from gone join meetings m on m.room_id = gone.room_id and m.deleted_at is null
    where m.state = 'active' and case
        when not exists (select from meeting_participants where meeting_id = m.id)
        then gone.ends and m.creator_id = gone.user_id
        else m.end_on_host_leave
            and exists (select from meeting_participants
                where meeting_id = m.id and user_id = gone.user_id and is_host and status = 'admitted')
            and not exists (select from meeting_participants
                where meeting_id = m.id and user_id <> gone.user_id and is_host and status = 'admitted' and left_at is null)
        end
    group by gone.room_id
), rooms as (
    select room_id, max(at) as at, max(entered) as entered,
        (select count(*) from session_participants p where p.room_id = gone.room_id and p.left_at is null) as remaining
    from gone group by room_id
), over as (
    select room_id, case when remaining = 0 then rooms.at else hosts.at end as at, entered
    from rooms left join hosts using (room_id)
    where remaining = 0 or hosts.at is not null
), participants as (
    update session_participants p set left_at = greatest(over.at, p.joined_at)
    from over where p.room_id = over.room_id and p.left_at is null
), admitted as (
    update meeting_participants a set left_at = over.at
    from over, meetings m
    where m.room_id = over.room_id and m.deleted_at is null and a.meeting_id = m.id
        and a.status = 'admitted' and a.left_at is null and a.joined_at <= over.at
), ended as (
    update meetings m set ended_at = over.at, state = 'ended'
    from over where m.room_id = over.room_id and m.deleted_at is null
        and (m.state = 'active' or m.state = 'idle' and m.created_at <= over.entered)
)
select room_id, remaining, over.at is not null from rooms left join over using (room_id)`

// person is somebody in a room.
type person struct{ room, user string }

// departed is what is known of somebody who left.
type departed struct {
	person
	at      time.Time
	ends    bool      // the meeting, where they are its host
	entered time.Time // their last session
}

// Leave implements meeting.Store.
func (s *Store) Leave(ctx context.Context, all []meeting.Departure) (rooms map[string]meeting.Ended, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if rooms, err = tryLock(ctx, tx, all); err != nil || len(rooms) == 0 {
			return err
		}
		closed, err := closeDepartures(ctx, tx, slices.DeleteFunc(slices.Clone(all), func(d meeting.Departure) bool {
			_, free := rooms[d.Room]
			return !free
		}))
		if err != nil || len(closed) == 0 {
			return err
		}
		return endAfter(ctx, tx, closed, rooms)
	})
	switch {
	case unacceptable(err):
		return nil, fmt.Errorf("record departures: %w: %w", meeting.ErrRejected, err)
	case err != nil:
		return nil, fmt.Errorf("record departures: %w", err)
	}
	return rooms, nil
}

// tryLock takes those rooms and their meetings that nobody else has.
func tryLock(ctx context.Context, tx pgx.Tx, all []meeting.Departure) (map[string]meeting.Ended, error) {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Room
	}
	slices.Sort(names)
	names = slices.Compact(names)
	free := make(map[string]meeting.Ended, len(names))
	var managed, locked []string
	b := &pgx.Batch{}
	b.Queue(tryRooms, names, roomLocks).Query(func(rows pgx.Rows) error {
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, room := range got {
			free[room] = meeting.Ended{}
		}
		return err
	})
	b.Queue(meetingsOf, names).Query(func(rows pgx.Rows) (err error) {
		managed, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	b.Queue(tryMeetings, names).Query(func(rows pgx.Rows) (err error) {
		locked, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	for _, room := range managed {
		if !slices.Contains(locked, room) {
			delete(free, room)
		}
	}
	return free, nil
}

// closeDepartures closes sessions, and returns who has none left.
func closeDepartures(ctx context.Context, tx pgx.Tx, gone []meeting.Departure) ([]departed, error) {
	n := len(gone)
	ids, rooms, users, at := make([]uint64, n), make([]string, n), make([]string, n), make([]time.Time, n)
	ends, entered := map[person]bool{}, map[person]time.Time{}
	for i, d := range gone {
		ids[i], rooms[i], users[i], at[i] = d.Session, d.Room, d.User, d.At
		ends[person{d.Room, d.User}] = ends[person{d.Room, d.User}] || d.EndWithHost
	}
	var closed []departed
	b := &pgx.Batch{}
	b.Queue(closeSessions, ids, at).Query(func(rows pgx.Rows) error {
		var p person
		var since time.Time
		_, err := pgx.ForEachRow(rows, []any{&p.room, &p.user, &since}, func() error {
			if since.After(entered[p]) {
				entered[p] = since
			}
			return nil
		})
		return err
	})
	b.Queue(closeDeparted, rooms, users, at).Query(func(rows pgx.Rows) error {
		var d departed
		_, err := pgx.ForEachRow(rows, []any{&d.room, &d.user, &d.at}, func() error {
			d.ends, d.entered = ends[d.person], entered[d.person]
			d.entered = cmp.Or(d.entered, d.at)
			closed = append(closed, d)
			return nil
		})
		return err
	})
	return closed, tx.SendBatch(ctx, b).Close()
}

// endAfter ends the meetings that end with the departure of those who are gone, and notes in rooms what
// that means for each.
func endAfter(ctx context.Context, tx pgx.Tx, gone []departed, rooms map[string]meeting.Ended) error {
	n := len(gone)
	names, users := make([]string, n), make([]string, n)
	at, entered, ends := make([]time.Time, n), make([]time.Time, n), make([]bool, n)
	for i, d := range gone {
		names[i], users[i], at[i], ends[i], entered[i] = d.room, d.user, d.at, d.ends, d.entered
	}
	rows, err := tx.Query(ctx, endMeetings, names, users, at, ends, entered)
	if err != nil {
		return err
	}
	var room string
	var remaining int
	var over bool
	_, err = pgx.ForEachRow(rows, []any{&room, &remaining, &over}, func() error {
		switch {
		case over && remaining > 0:
			rooms[room] = meeting.Ended{Over: true, Message: meeting.HostEnded}
		case over:
			rooms[room] = meeting.Ended{Over: true}
		default:
			rooms[room] = meeting.Ended{Remaining: remaining}
		}
		return nil
	})
	return err
}
