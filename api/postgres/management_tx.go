package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/management"
)

// Counts read by the statement that waits for the lock would be those of before the wait.
const lockMeeting = `select id from meetings where room_id = $1 and deleted_at is null for update`

const updateManaged = `
update meetings set state = $2, creator_id = nullif($3, ''), host_display_name = nullif($4, ''), attendees = $5,
    waiting_room_enabled = $6, admitted_can_admit = $7, end_on_host_leave = $8, allow_guests = $9,
    recording_allowed_for_all = $10, attendees_only = $11, locked = $12, started_at = $13, ended_at = $14, ended_by = nullif($15, '')
where id = $1`

const selectParticipant = `select ` + participantColumns + ` from meeting_participants p where p.meeting_id = $1 and p.user_id = $2`

const upsertManagedParticipant = `
insert into meeting_participants (meeting_id, user_id, display_name, status, is_host, is_guest, banned, joined_at, admitted_at, left_at)
values ($1, $2, nullif($3, ''), $4, $5, $6, $7, $8, $9, $10)
on conflict (meeting_id, user_id) do update set
    display_name = excluded.display_name, status = excluded.status, is_host = excluded.is_host, is_guest = excluded.is_guest,
    banned = excluded.banned, joined_at = excluded.joined_at, admitted_at = excluded.admitted_at, left_at = excluded.left_at`

const admitWaiting = `
with p as (
    update meeting_participants set status = 'admitted', admitted_at = $2, left_at = null
    where meeting_id = $1 and status = 'waiting' returning *)
select ` + participantColumns + ` from p order by p.joined_at, p.id`

const closeAll = `
update meeting_participants set status = 'left', left_at = coalesce(left_at, $2)
where meeting_id = $1 and status in ('admitted', 'waiting') and user_id <> $3`

const countOtherHosts = `
select count(*) from meeting_participants
where meeting_id = $1 and user_id <> $2 and is_host and status = 'admitted' and left_at is null`

const countManaged = `
select count(*) filter (where status = 'admitted' and left_at is null), count(*) filter (where status = 'waiting')
from meeting_participants where meeting_id = $1 and status in ('admitted', 'waiting')`

// InMeeting implements management.Store.
func (s *Store) InMeeting(ctx context.Context, room string, do func(management.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		m := managed{tx: tx}
		var id int64
		var hash string
		b := &pgx.Batch{}
		b.Queue(lockMeeting, room).QueryRow(func(row pgx.Row) error { return row.Scan(&id) })
		b.Queue(selectManaged, room).QueryRow(func(row pgx.Row) error { return row.Scan(into(&m.meeting)...) })
		b.Queue(`select coalesce(password_hash, '') from meetings where room_id = $1 and deleted_at is null`, room).
			QueryRow(func(row pgx.Row) error { return row.Scan(&hash) })
		err := tx.SendBatch(ctx, b).Close()
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound(room)
		}
		if err != nil {
			return err
		}
		m.hash = hash
		return do(&m)
	})
	if _, refused := errors.AsType[*management.Refusal](err); refused || err == nil {
		return err
	}
	return fmt.Errorf("change meeting %s: %w", room, err)
}

// managed is a meeting under lock.
type managed struct {
	tx      pgx.Tx
	meeting management.Meeting
	hash    string
}

func (m *managed) Meeting() management.Meeting { return m.meeting }
func (m *managed) PasswordHash() string        { return m.hash }

func (m *managed) exec(ctx context.Context, sql string, args ...any) error {
	_, err := m.tx.Exec(ctx, sql, append([]any{m.meeting.ID}, args...)...)
	return err
}

func (m *managed) SetMeeting(ctx context.Context, n management.Meeting) error {
	return m.exec(ctx, updateManaged, n.State, n.Owner, n.HostName, attendeesJSON(n.Attendees),
		n.WaitingRoom, n.AdmittedCanAdmit, n.EndOnHostLeave, n.AllowGuests,
		n.RecordingForAll, n.AttendeesOnly, n.Locked, n.Started, orNull(n.Ended), n.EndedBy)
}

func (m *managed) SetPassword(ctx context.Context, hash string) error {
	return m.exec(ctx, `update meetings set password_hash = nullif($2, '') where id = $1`, hash)
}

func (m *managed) Delete(ctx context.Context) error {
	return m.exec(ctx, `update meetings set deleted_at = clock_timestamp(), state = 'ended', ended_at = coalesce(ended_at, now()) where id = $1`)
}

func (m *managed) Participant(ctx context.Context, user string) (*management.Participant, error) {
	var p management.Participant
	err := m.tx.QueryRow(ctx, selectParticipant, m.meeting.ID, user).Scan(intoParticipant(&p)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &p, err
}

func (m *managed) SetParticipant(ctx context.Context, p management.Participant) error {
	return m.exec(ctx, upsertManagedParticipant, p.User, p.DisplayName, p.Status, p.Host, p.Guest, p.Banned,
		p.Joined, orNull(p.Admitted), orNull(p.Left))
}

func (m *managed) AdmitWaiting(ctx context.Context, at time.Time) ([]management.Participant, error) {
	rows, err := m.tx.Query(ctx, admitWaiting, m.meeting.ID, at)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanParticipant)
}

func (m *managed) CloseAll(ctx context.Context, at time.Time, except string) error {
	return m.exec(ctx, closeAll, at, except)
}

func (m *managed) OtherHosts(ctx context.Context, except string) (n int, err error) {
	err = m.tx.QueryRow(ctx, countOtherHosts, m.meeting.ID, except).Scan(&n)
	return n, err
}

func (m *managed) Counts(ctx context.Context) (present, waiting int, err error) {
	err = m.tx.QueryRow(ctx, countManaged, m.meeting.ID).Scan(&present, &waiting)
	return present, waiting, err
}
