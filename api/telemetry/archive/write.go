package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

const upsertSession = `
with source as (
    insert into telemetry_sources (catalogue, identity, labels, first_seen, last_seen)
    values ($1, $2, $3, $4, $5)
    on conflict (catalogue, identity) do update
    set labels = excluded.labels, last_seen = greatest(telemetry_sources.last_seen, excluded.last_seen)
    returning id
)
insert into telemetry_sessions (id, source, scope, version, labels, parameters, began_at, alive_at, ended_at, reason, events, engine)
select $6, id, $7, $8, $3, $9, $4, $5, $10, $11, $12, $13 from source
on conflict (id) do update
set alive_at = greatest(telemetry_sessions.alive_at, excluded.alive_at),
    ended_at = coalesce(excluded.ended_at, telemetry_sessions.ended_at),
    reason = coalesce(excluded.reason, telemetry_sessions.reason),
    events = greatest(excluded.events, telemetry_sessions.events)`

const upsertLosses = `
insert into telemetry_losses (session, entry, cause, first_seq, last_seq, count, noted_at)
select s, e, c, f::numeric, l::numeric, n::numeric, t
from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) as u (s, e, c, f, l, n, t)
on conflict (session, entry) do update
set first_seq = excluded.first_seq, last_seq = excluded.last_seq, count = excluded.count`

const aliveSessions = `
update telemetry_sessions s set alive_at = clock_timestamp(), events = greatest(s.events, u.events)
from unnest($1::bigint[], $2::bigint[]) as u (id, events)
where s.id = u.id and s.ended_at is null`

const insertQuarantine = `
insert into telemetry_quarantine (session, seq, received_at, kind, reason, body) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing`

// Write implements [telemetry.Store].
func (a *Archive) Write(ctx context.Context, b *telemetry.Batch) error {
	if err := a.sessions(ctx, b); err != nil {
		return err
	}
	return a.events(ctx, b.Rows)
}

// sessions stores sessions and losses in one transaction.
func (a *Archive) sessions(ctx context.Context, b *telemetry.Batch) error {
	if len(b.Sessions) == 0 && len(b.Losses) == 0 {
		return nil
	}
	var batch pgx.Batch
	for i := range b.Sessions {
		s := &b.Sessions[i]
		catalogue, err := a.catalogue(ctx, s.Catalogue)
		if err != nil {
			return err
		}
		var ended *time.Time
		var reason *string
		alive := s.Began
		if !s.Ended.IsZero() {
			ended, reason, alive = &s.Ended, &s.Reason, s.Ended
		}
		labels, parameters := object(s.Labels), object(s.Parameters)
		batch.Queue(upsertSession, catalogue, s.Identity, labels, s.Began, alive, int64(s.ID), s.Scope, s.Version, parameters, ended, reason, int64(s.Events), s.Engine)
	}
	if len(b.Losses) > 0 {
		queueLosses(&batch, b.Losses)
	}
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
	if err != nil {
		return fmt.Errorf("store sessions and losses: %w", err)
	}
	return nil
}

// object returns m as JSON, {} of nil.
func object[V any](m map[string]V) []byte {
	if m == nil {
		return []byte("{}")
	}
	b, _ := json.Marshal(m) // strings and numbers always marshal
	return b
}

// queueLosses adds entries of the ledger, of which later ones with the same number replace
// earlier ones.
func queueLosses(batch *pgx.Batch, losses []telemetry.Entry) {
	type place struct {
		session telemetry.SessionID
		number  int64
	}
	at := map[place]int{}
	var sessions, entries []int64
	var causes []int16
	var first, last, counts []string
	var noted []time.Time
	for _, l := range losses {
		i, again := at[place{l.Session, l.Number}]
		if !again {
			i = len(sessions)
			at[place{l.Session, l.Number}] = i
			sessions, entries, causes = append(sessions, int64(l.Session)), append(entries, l.Number), append(causes, int16(l.Cause))
			first, last, counts, noted = append(first, ""), append(last, ""), append(counts, ""), append(noted, l.Noted)
		}
		first[i], last[i], counts[i] = decimal(l.First), decimal(l.Last), decimal(l.Count)
	}
	batch.Queue(upsertLosses, sessions, entries, causes, first, last, counts, noted)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// Quarantine implements [telemetry.Store].
func (a *Archive) Quarantine(ctx context.Context, refused []telemetry.Refused) error {
	var batch pgx.Batch
	losses := make([]telemetry.Entry, 0, len(refused))
	for _, q := range refused {
		r := q.Row
		batch.Queue(insertQuarantine, int64(r.Session), int64(r.Seq), time.UnixMicro(r.Received), int32(r.Kind), q.Reason, r.Body)
		if r.Has&telemetry.Counted != 0 {
			continue
		}
		losses = append(losses, telemetry.Entry{
			Session: r.Session, Number: -1 - int64(r.Seq), Noted: time.UnixMicro(r.Received),
			Loss: telemetry.Loss{Cause: telemetry.WriteFailed, First: r.Seq, Last: r.Seq, Count: 1},
		})
	}
	if len(losses) > 0 {
		queueLosses(&batch, losses)
	}
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
	if err != nil {
		return fmt.Errorf("put events in quarantine: %w", err)
	}
	return nil
}

const endSessions = `
update telemetry_sessions s
set ended_at = coalesce(s.ended_at, greatest($3, s.alive_at)), reason = coalesce(s.reason, $4), events = greatest(s.events, u.events)
from unnest($1::bigint[], $2::bigint[]) as u (id, events)
where s.id = u.id`

// Died implements [telemetry.Store].
func (a *Archive) Died(ctx context.Context, sessions []telemetry.Pulse, at time.Time, reason string) error {
	ids, events := split(sessions)
	if _, err := a.pool.Exec(ctx, endSessions, ids, events, at, reason); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// split returns sessions and what came of each.
func split(sessions []telemetry.Pulse) (ids, events []int64) {
	for _, p := range sessions {
		ids, events = append(ids, int64(p.Session)), append(events, int64(p.Events))
	}
	return ids, events
}

// Alive implements [telemetry.Store].
func (a *Archive) Alive(ctx context.Context, sessions []telemetry.Pulse) error {
	ids, events := split(sessions)
	if _, err := a.pool.Exec(ctx, aliveSessions, ids, events); err != nil {
		return fmt.Errorf("keep sessions alive: %w", err)
	}
	return nil
}
