package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/meeting"
)

var _ meeting.Store = (*Store)(nil)

// roomLocks sets the advisory locks of rooms apart from other uses of such locks.
const roomLocks = 0x726f6f6d // "room"

const lockRoom = `select pg_advisory_xact_lock(hashtextextended($1, $2))`

// No row comes back for a session that is open already. One that was closed, because its
// node was taken for dead, opens again as of when it entered.
//
// A participant who is there already has been since their first session entered.
const openSession = `
with opened as (
    insert into sessions as s (session_id, room_id, user_id, display_name, node_id, transport, instance, entered_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (session_id) do update set left_at = null where s.left_at is not null
    returning entered_at, entered_at < $8 as is_back
), participant as (
    insert into session_participants as p (room_id, user_id, joined_at)
    select $2, $3, entered_at from opened
    on conflict (room_id, user_id) do update set
        joined_at = case when p.left_at is null then p.joined_at else excluded.joined_at end,
        left_at = null
)
select entered_at, is_back from opened`

const countParticipants = `
select count(*) from session_participants where room_id = $1 and left_at is null`

// Whoever changes a meeting or its participants has its row first, here and in InMeeting: two
// who took them in different orders could wait for each other.
const lockMeetingOf = `select from meetings where room_id = $1 and deleted_at is null for update`

// A meeting that is over begins anew, unless a session comes back that was in it ($4, null
// for newcomers); one that is not keeps its start and creator. That one is over is in its
// state; rows older than that column only have ended_at.
//
// An end that somebody declared stays, and so does a deletion: the session entered before and
// is about to be closed. Owners of meetings that people were admitted to stay owners.
const startMeeting = `
insert into meetings as m (room_id, started_at, creator_id, state)
select $1::varchar, $2::timestamptz, $3::varchar, 'active'
where not exists (select from meetings where room_id = $1 and deleted_at >= coalesce($4, $2))
on conflict (room_id) where deleted_at is null do update set
    started_at = case when (m.state = 'ended' or (m.state = 'idle' and m.ended_at is not null))
        and ($4::timestamptz is null or $4 < m.started_at)
        then excluded.started_at else m.started_at end,
    creator_id = case when (m.state = 'ended' or (m.state = 'idle' and m.ended_at is not null))
        and ($4::timestamptz is null or $4 < m.started_at)
        and not exists (select from meeting_participants where meeting_id = m.id)
        then excluded.creator_id else coalesce(m.creator_id, excluded.creator_id) end,
    ended_at = null,
    state = 'active'
where m.ended_by is null
returning started_at, creator_id`

const enterAdmitted = `
update meeting_participants p set left_at = null
from meetings m
where m.room_id = $1 and m.deleted_at is null and p.meeting_id = m.id
    and p.user_id = $2 and p.status = 'admitted' and p.left_at is not null`

const selectMeeting = `
select room_id, started_at, ended_at, coalesce(creator_id, ''), state
from meetings where room_id = $1 and deleted_at is null`

// Enter implements meeting.Store.
func (s *Store) Enter(ctx context.Context, a meeting.Attendance, at time.Time) (started meeting.Started, err error) {
	err = s.Together(ctx, a.Room, func(r meeting.Record) error {
		started, err = r.Enter(ctx, a, at)
		return err
	})
	return started, err
}

// Exit implements meeting.Store.
func (s *Store) Exit(ctx context.Context, a meeting.Attendance, at time.Time, endWithHost bool) (ended meeting.Ended, err error) {
	err = s.Together(ctx, a.Room, func(r meeting.Record) error {
		ended, err = r.Exit(ctx, a, at, endWithHost)
		return err
	})
	return ended, err
}

// Together implements meeting.Store: it runs do in a transaction that has the room to itself.
func (s *Store) Together(ctx context.Context, room string, do func(meeting.Record) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// A room may have no meeting, so its row alone is not enough of a lock.
		b := &pgx.Batch{}
		b.Queue(lockRoom, room, roomLocks)
		b.Queue(lockMeetingOf, room)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		return do(record{tx})
	})
	switch {
	case unacceptable(err):
		return fmt.Errorf("record who is in %q: %w: %w", room, meeting.ErrRejected, err)
	case err != nil:
		return fmt.Errorf("record who is in %q: %w", room, err)
	}
	return nil
}

// record is a transaction that has a room to itself.
type record struct{ tx pgx.Tx }

// Enter implements meeting.Record.
func (r record) Enter(ctx context.Context, a meeting.Attendance, at time.Time) (meeting.Started, error) {
	started, err := r.enter(ctx, a, at)
	if err != nil {
		return meeting.Started{}, fmt.Errorf("session %d entered: %w", a.Session, err)
	}
	return started, nil
}

// enter asks for all that it may need at once: in a storm it is the way to the database and back that people
// wait for.
func (r record) enter(ctx context.Context, a meeting.Attendance, at time.Time) (started meeting.Started, err error) {
	var (
		entered       time.Time
		isNew, isBack bool
		participants  int
		known         error
		m             meeting.Meeting
	)
	b := &pgx.Batch{}
	b.Queue(openSession, a.Session, a.Room, a.User, a.DisplayName, a.Node, a.Transport, a.Instance, at).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&entered, &isBack)
		isNew = err == nil
		return unlessNone(err)
	})
	b.Queue(enterAdmitted, a.Room, a.User)
	b.Queue(countParticipants, a.Room).QueryRow(func(row pgx.Row) error { return row.Scan(&participants) })
	b.Queue(selectMeeting, a.Room).QueryRow(func(row pgx.Row) error {
		if m, known = scanMeeting(row); errors.Is(known, meeting.ErrNoMeeting) {
			return nil
		}
		return known
	})
	if err := r.tx.SendBatch(ctx, b).Close(); err != nil {
		return started, err
	}
	started.First = participants == 1
	// Without a meeting, recording may have begun while people were in the room already.
	if isNew && (started.First || known != nil) {
		var since *time.Time
		if isBack {
			since = &entered
		}
		err := r.tx.QueryRow(ctx, startMeeting, a.Room, at, a.User, since).Scan(&started.At, &started.Creator)
		if !errors.Is(err, pgx.ErrNoRows) {
			return started, err
		}
	}
	if known != nil { // deleted while the session entered
		m.Started, m.Creator = at, a.User
	}
	started.At, started.Creator = m.Started, m.Creator
	return started, nil
}

// unlessNone returns err, but nil when there is only no row.
func unlessNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// Exit implements meeting.Record.
func (r record) Exit(ctx context.Context, a meeting.Attendance, at time.Time, endWithHost bool) (meeting.Ended, error) {
	over, err := leave(ctx, r.tx, []meeting.Departure{{Attendance: a, At: at, EndWithHost: endWithHost}})
	if err != nil {
		return meeting.Ended{}, fmt.Errorf("session %d left: %w", a.Session, err)
	}
	return over[a.Room], nil
}

// ActiveCount implements meeting.Store.
func (s *Store) ActiveCount(ctx context.Context, room string) (int, error) {
	n, err := count(ctx, s.pool, room)
	if err != nil {
		return 0, fmt.Errorf("count participants of %s: %w", room, err)
	}
	return n, nil
}

// Meeting implements meeting.Store.
func (s *Store) Meeting(ctx context.Context, room string) (meeting.Meeting, error) {
	m, err := selectMeetingOf(ctx, s.pool, room)
	if err != nil {
		return meeting.Meeting{}, fmt.Errorf("read meeting %s: %w", room, err)
	}
	return m, nil
}

// queryRower is a pool or a transaction.
type queryRower interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func count(ctx context.Context, q queryRower, room string) (n int, err error) {
	err = q.QueryRow(ctx, countParticipants, room).Scan(&n)
	return n, err
}

func selectMeetingOf(ctx context.Context, q queryRower, room string) (meeting.Meeting, error) {
	return scanMeeting(q.QueryRow(ctx, selectMeeting, room))
}

// scanMeeting reads a row of selectMeeting; without one the error is meeting.ErrNoMeeting.
func scanMeeting(row pgx.Row) (m meeting.Meeting, err error) {
	var ended *time.Time
	err = row.Scan(&m.Room, &m.Started, &ended, &m.Creator, &m.State)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, meeting.ErrNoMeeting
	}
	if ended != nil && m.State != meeting.Active {
		m.Ended = *ended
	}
	return m, err
}
