package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

const closeSession = `
update sessions set left_at = $2 where session_id = $1 and left_at is null returning entered_at`

// Only the last session of a participant takes them away. Who has left is no longer among those admitted
// either, but who asked again after the departure is about to enter.
const closeParticipant = `
with closed as (
    update session_participants set left_at = $3
    where room_id = $1 and user_id = $2 and left_at is null and not exists (
        select from sessions where room_id = $1 and user_id = $2 and left_at is null)
    returning user_id
), admitted as (
    update meeting_participants p set left_at = $3
    from meetings m
    where m.room_id = $1 and m.deleted_at is null and p.meeting_id = m.id and p.user_id = $2
        and p.status = 'admitted' and p.left_at is null and p.joined_at <= $3 and exists (select from closed)
)
select from closed`

// Where people are admitted to meetings, it is the last host's departure that counts, and the
// meeting says whether it does; $3 is what the operator says for all others.
const endsWith = `
select m.state = 'active' and case
    when not exists (select from meeting_participants where meeting_id = m.id)
    then $3 and m.creator_id = $2
    else m.end_on_host_leave
        and exists (select from meeting_participants
            where meeting_id = m.id and user_id = $2 and is_host and status = 'admitted')
        and not exists (select from meeting_participants
            where meeting_id = m.id and user_id <> $2 and is_host and status = 'admitted' and left_at is null)
    end
from meetings m where m.room_id = $1 and m.deleted_at is null`

// A meeting that is over is over for everybody.
const closeParticipants = `
update session_participants set left_at = $2 where room_id = $1 and left_at is null`

const exitAllAdmitted = `
update meeting_participants p set left_at = $2
from meetings m
where m.room_id = $1 and m.deleted_at is null and p.meeting_id = m.id and p.status = 'admitted'
    and p.left_at is null and p.joined_at <= $2`

// A meeting that nobody has begun may have taken the place of the one that the session was in.
const endMeeting = `
update meetings set ended_at = $2, state = 'ended'
where room_id = $1 and deleted_at is null and (state = 'active' or state = 'idle' and created_at <= $3)`

// Leave implements meeting.Store.
func (s *Store) Leave(ctx context.Context, all []meeting.Departure) (rooms map[string]meeting.Ended, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if rooms, err = tryLock(ctx, tx, all); err != nil || len(rooms) == 0 {
			return err
		}
		over, err := leave(ctx, tx, slices.DeleteFunc(slices.Clone(all), func(d meeting.Departure) bool {
			_, free := rooms[d.Room]
			return !free
		}))
		maps.Copy(rooms, over)
		return err
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

// person is somebody in a room.
type person struct{ room, user string }

// departed is what is known of somebody who leaves.
type departed struct {
	person
	entered, at time.Time // the last session
	ends        bool      // the meeting, where they are its host
	gone, host  bool      // they have left, and the meeting is over with that
}

// leave records departures from rooms that the transaction has to itself, and returns those whose meeting ended
// with that. The statements are those for one, many in one go: what a statement for many at once costs
// depends on what the database believes of tables that may have been empty a minute ago.
func leave(ctx context.Context, tx pgx.Tx, all []meeting.Departure) (map[string]meeting.Ended, error) {
	b := &pgx.Batch{}
	people := closeSessions(b, all)
	for _, d := range people {
		b.Queue(closeParticipant, d.room, d.user, d.at).QueryRow(func(row pgx.Row) error {
			err := row.Scan()
			d.gone = err == nil
			return unlessNone(err)
		})
	}
	remaining := map[string]int{}
	for _, d := range people {
		b.Queue(endsWith, d.room, d.user, d.ends).QueryRow(func(row pgx.Row) error { return unlessNone(row.Scan(&d.host)) })
		if _, asked := remaining[d.room]; asked {
			continue
		}
		remaining[d.room] = 0
		b.Queue(countParticipants, d.room).QueryRow(func(row pgx.Row) error {
			var n int
			err := row.Scan(&n)
			remaining[d.room] = n
			return err
		})
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	return endAfter(ctx, tx, people, remaining)
}

// closeSessions adds to b what closes them, and returns whose they are, in the order in which they left.
func closeSessions(b *pgx.Batch, all []meeting.Departure) []*departed {
	var people []*departed
	known := map[person]*departed{}
	for _, a := range all {
		p := person{a.Room, a.User}
		d := known[p]
		if d == nil {
			d = &departed{person: p}
			known[p], people = d, append(people, d)
		}
		if a.At.After(d.at) {
			d.at = a.At
		}
		d.ends = d.ends || a.EndWithHost
		b.Queue(closeSession, a.Session, a.At).QueryRow(func(row pgx.Row) error {
			var entered time.Time
			err := row.Scan(&entered)
			if entered.After(d.entered) {
				d.entered = entered
			}
			return unlessNone(err)
		})
	}
	slices.SortStableFunc(people, func(a, b *departed) int { return a.at.Compare(b.at) })
	return people
}

// endAfter ends meetings that nobody is left in, or that end with their host.
func endAfter(ctx context.Context, tx pgx.Tx, people []*departed, remaining map[string]int) (map[string]meeting.Ended, error) {
	over := map[string]meeting.Ended{}
	b := &pgx.Batch{}
	for _, d := range slices.Backward(people) {
		_, done := over[d.room]
		switch {
		case !d.gone || done:
			continue
		case remaining[d.room] == 0:
			over[d.room] = meeting.Ended{Over: true}
		case d.host:
			over[d.room] = meeting.Ended{Over: true, Message: meeting.HostEnded}
			b.Queue(closeParticipants, d.room, d.at)
		default:
			continue
		}
		b.Queue(exitAllAdmitted, d.room, d.at)
		b.Queue(endMeeting, d.room, d.at, cmp.Or(d.entered, d.at))
	}
	if b.Len() == 0 {
		return over, nil
	}
	return over, tx.SendBatch(ctx, b).Close()
}
