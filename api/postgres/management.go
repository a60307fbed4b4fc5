package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"parley/api/management"
)

var _ management.Store = (*Store)(nil)

// Somebody is present who was admitted and is not known to have left.
const meetingColumns = `
m.id, m.room_id, m.state, coalesce(m.creator_id, ''), coalesce(m.host_display_name, ''), m.attendees,
m.password_hash is not null, m.waiting_room_enabled, m.admitted_can_admit, m.end_on_host_leave, m.allow_guests,
m.recording_allowed_for_all, m.attendees_only, m.locked,
m.created_at, m.started_at, case when m.state = 'ended' then m.ended_at end, coalesce(m.ended_by, ''),
(select count(*) from meeting_participants c where c.meeting_id = m.id and c.status = 'admitted' and c.left_at is null),
(select count(*) from meeting_participants c where c.meeting_id = m.id and c.status = 'waiting')`

const participantColumns = `
p.user_id, coalesce(p.display_name, ''), p.status, p.is_host, p.is_guest, p.banned, p.joined_at, p.admitted_at, p.left_at`

const selectManaged = `select ` + meetingColumns + ` from meetings m where m.room_id = $1 and m.deleted_at is null`

const selectMeetingAndParticipant = `
select ` + meetingColumns + `, p.id is not null, coalesce(p.user_id, ''), coalesce(p.display_name, ''), coalesce(p.status, ''),
coalesce(p.is_host, false), coalesce(p.is_guest, false), coalesce(p.banned, false), coalesce(p.joined_at, 'epoch'), p.admitted_at, p.left_at
from meetings m left join meeting_participants p on p.meeting_id = m.id and p.user_id = $2
where m.room_id = $1 and m.deleted_at is null`

const selectManagedAll = `select ` + meetingColumns + ` from meetings m where m.room_id = any($1) and m.deleted_at is null`

const selectDeletedAll = `select room_id, max(deleted_at) from meetings where room_id = any($1) and deleted_at is not null group by room_id`

const selectParticipantsAll = `
select k.n, ` + participantColumns + `
from unnest($1::text[], $2::text[]) with ordinality as k (room, who, n)
join meetings m on m.room_id = k.room and m.deleted_at is null
join meeting_participants p on p.meeting_id = m.id and p.user_id = k.who`

const insertManaged = `
insert into meetings as m (room_id, state, creator_id, attendees, password_hash, waiting_room_enabled, admitted_can_admit,
    end_on_host_leave, allow_guests, recording_allowed_for_all, attendees_only, locked, created_at, started_at)
values ($1, $2, nullif($3, ''), $4, nullif($5, ''), $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (room_id) where deleted_at is null do nothing
returning m.id`

const selectParticipants = `
select ` + participantColumns + `
from meeting_participants p join meetings m on m.id = p.meeting_id
where m.room_id = $1 and m.deleted_at is null and p.status = $2
order by coalesce(p.admitted_at, p.joined_at), p.id`

const selectRelated = `
with m as (
    select id, creator_id, attendees from meetings where room_id = $1 order by deleted_at desc nulls first, id desc limit 1)
select creator_id from m where creator_id is not null
union select jsonb_array_elements_text(attendees) from m
union select p.user_id from meeting_participants p join m on m.id = p.meeting_id`

const selectDeletedAfter = `
select exists (select from meetings where room_id = $1 and deleted_at > $2)
and not exists (select from meetings where room_id = $1 and deleted_at is null)`

// CreateMeeting implements management.Store.
func (s *Store) CreateMeeting(ctx context.Context, m management.Meeting, passwordHash string) (management.Meeting, error) {
	err := s.pool.QueryRow(ctx, insertManaged, m.Room, m.State, m.Owner, attendeesJSON(m.Attendees), passwordHash,
		m.WaitingRoom, m.AdmittedCanAdmit, m.EndOnHostLeave, m.AllowGuests, m.RecordingForAll, m.AttendeesOnly, m.Locked,
		m.Created, m.Started).Scan(&m.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return management.Meeting{}, &management.Refusal{
			Code: management.MeetingExists, Message: "Meeting with ID '" + m.Room + "' already exists",
		}
	}
	if err != nil {
		return management.Meeting{}, fmt.Errorf("create meeting %s: %w", m.Room, err)
	}
	return m, nil
}

// Look implements management.Store.
func (s *Store) Look(ctx context.Context, room, user string) (m management.Meeting, _ *management.Participant, err error) {
	var p management.Participant
	var there bool
	row := s.pool.QueryRow(ctx, selectMeetingAndParticipant, room, user)
	err = row.Scan(append(into(&m), append([]any{&there}, intoParticipant(&p)...)...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, nil, notFound(room)
	}
	if err != nil {
		return m, nil, fmt.Errorf("read meeting %s: %w", room, err)
	}
	if !there {
		return m, nil, nil
	}
	return m, &p, nil
}

// LookAll implements management.Store.
func (s *Store) LookAll(ctx context.Context, rooms, users []string) ([]management.Looked, error) {
	all := make([]management.Looked, len(rooms))
	meetings := make(map[string]*management.Meeting)
	deleted := make(map[string]time.Time)
	b := &pgx.Batch{}
	b.Queue(selectManagedAll, rooms).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			m := new(management.Meeting)
			if err := rows.Scan(into(m)...); err != nil {
				return err
			}
			meetings[m.Room] = m
		}
		return rows.Err()
	})
	b.Queue(selectDeletedAll, rooms).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var room string
			var at time.Time
			if err := rows.Scan(&room, &at); err != nil {
				return err
			}
			deleted[room] = at
		}
		return rows.Err()
	})
	b.Queue(selectParticipantsAll, rooms, users).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var n int
			p := new(management.Participant)
			if err := rows.Scan(append([]any{&n}, intoParticipant(p)...)...); err != nil {
				return err
			}
			all[n-1].Participant = p
		}
		return rows.Err()
	})
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	if err := pgx.BeginTxFunc(ctx, s.pool, moment, func(tx pgx.Tx) error { return tx.SendBatch(ctx, b).Close() }); err != nil {
		return nil, fmt.Errorf("read meetings of %d: %w", len(rooms), err)
	}
	for i, room := range rooms {
		all[i].Meeting, all[i].Deleted = meetings[room], deleted[room]
	}
	return all, nil
}

// PasswordHash implements management.Store.
func (s *Store) PasswordHash(ctx context.Context, room string) (hash string, err error) {
	err = s.pool.QueryRow(ctx, `select coalesce(password_hash, '') from meetings where room_id = $1 and deleted_at is null`, room).Scan(&hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("read the password of %s: %w", room, err)
	}
	return hash, nil
}

// Participants implements management.Store.
func (s *Store) Participants(ctx context.Context, room string, status management.Status) ([]management.Participant, error) {
	rows, err := s.pool.Query(ctx, selectParticipants, room, status)
	if err == nil {
		var all []management.Participant
		if all, err = pgx.CollectRows(rows, scanParticipant); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("list participants of %s: %w", room, err)
}

// Related implements management.Store.
func (s *Store) Related(ctx context.Context, room string) ([]string, error) {
	rows, err := s.pool.Query(ctx, selectRelated, room)
	if err == nil {
		var users []string
		if users, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return users, nil
		}
	}
	return nil, fmt.Errorf("list who is related to %s: %w", room, err)
}

// DeletedAfter implements management.Store.
func (s *Store) DeletedAfter(ctx context.Context, room string, t time.Time) (deleted bool, err error) {
	if err = s.pool.QueryRow(ctx, selectDeletedAfter, room, t).Scan(&deleted); err != nil {
		return false, fmt.Errorf("look for a deleted meeting of %s: %w", room, err)
	}
	return deleted, nil
}

func notFound(room string) error {
	return &management.Refusal{Code: management.MeetingNotFound, Message: "Meeting '" + room + "' not found"}
}

// into returns where meetingColumns go.
func into(m *management.Meeting) []any {
	return []any{
		&m.ID, &m.Room, &m.State, &m.Owner, &m.HostName, &m.Attendees,
		&m.HasPassword, &m.WaitingRoom, &m.AdmittedCanAdmit, &m.EndOnHostLeave, &m.AllowGuests,
		&m.RecordingForAll, &m.AttendeesOnly, &m.Locked,
		&m.Created, &m.Started, maybe{&m.Ended}, &m.EndedBy, &m.Present, &m.Waiting,
	}
}

// intoParticipant returns where participantColumns go.
func intoParticipant(p *management.Participant) []any {
	return []any{
		&p.User, &p.DisplayName, &p.Status, &p.Host, &p.Guest, &p.Banned, &p.Joined, maybe{&p.Admitted}, maybe{&p.Left},
	}
}

func scanParticipant(row pgx.CollectableRow) (p management.Participant, err error) {
	err = row.Scan(intoParticipant(&p)...)
	return p, err
}

// maybe scans a time that may be null, which is zero.
type maybe struct{ *time.Time }

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (m maybe) ScanTimestamptz(v pgtype.Timestamptz) error {
	*m.Time = time.Time{}
	if v.Valid {
		*m.Time = v.Time
	}
	return nil
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// attendeesJSON is a list, never null.
func attendeesJSON(list []string) []byte {
	if list == nil {
		list = []string{}
	}
	b, _ := json.Marshal(list) // strings always marshal
	return b
}
