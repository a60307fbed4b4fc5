package archive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// SourceQuery says which sources are asked for. Empty fields ask for all.
type SourceQuery struct {
	Catalogue string
	Identity  string
	Page
}

// StoredSource is a source as it is on record.
type StoredSource struct {
	Catalogue string
	Identity  string
	Labels    map[string]string // of its last session
	FirstSeen time.Time
	LastSeen  time.Time
	Sessions  int64
	Open      int64 // of those
	id        int64
}

const selectSources = `
select r.id, c.name, r.identity, r.labels, r.first_seen, r.last_seen,
    (select count(*) from telemetry_sessions s where s.source = r.id),
    (select count(*) from telemetry_sessions s where s.source = r.id and s.ended_at is null and s.alive_at > clock_timestamp() - $1::interval)
from telemetry_sources r
join telemetry_catalogues c on c.id = r.catalogue`

// Sources returns sources, in the order of their first appearance, and a cursor as Events
// does.
func (a *Archive) Sources(ctx context.Context, q SourceQuery) (sources []StoredSource, next string, err error) {
	var w where
	w.values = append(w.values, telemetry.StaleAfter)
	if q.Catalogue != "" {
		w.add("c.name = ?", q.Catalogue)
	}
	if q.Identity != "" {
		w.add("r.identity = ?", q.Identity)
	}
	at, err := cursor(q.After, 1)
	if err != nil {
		return nil, "", err
	}
	if at != nil {
		w.add("r.id > ?", at[0])
	}
	limit := w.limit(q.Limit + 1)
	rows, _ := a.pool.Query(ctx, selectSources+w.sql()+" order by r.id"+limit, w.values...) // its error comes with the rows
	sources, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s StoredSource, err error) {
		err = row.Scan(&s.id, &s.Catalogue, &s.Identity, &s.Labels, &s.FirstSeen, &s.LastSeen, &s.Sessions, &s.Open)
		return s, err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read sources: %w", err)
	}
	if len(sources) > q.Limit {
		sources = sources[:q.Limit]
		next = mark(sources[q.Limit-1].id)
	}
	return sources, next, nil
}

// SessionQuery says which sessions are asked for. Empty fields ask for all.
type SessionQuery struct {
	ID        telemetry.SessionID
	Catalogue string
	Source    string
	Scopes    []string // nil is all, empty is none
	Open      bool     // only those that go on
	From, To  time.Time
	Page
}

const selectSessions = `
select s.id, c.name, r.identity, s.scope, s.version, s.labels, s.parameters, s.began_at, s.ended_at, s.reason, s.events
from telemetry_sessions s
join telemetry_sources r on r.id = s.source
join telemetry_catalogues c on c.id = r.catalogue`

// Sessions returns sessions, the latest first, and a cursor as Events does. Those of a node
// that is gone end some minutes after it.
func (a *Archive) Sessions(ctx context.Context, q SessionQuery) (sessions []telemetry.Session, next string, err error) {
	var w where
	if q.ID != 0 {
		w.add("s.id = ?", int64(q.ID))
	}
	if q.Catalogue != "" {
		w.add("c.name = ?", q.Catalogue)
	}
	if q.Source != "" {
		w.add("r.identity = ?", q.Source)
	}
	if q.Scopes != nil {
		w.add("s.scope = any(?)", q.Scopes)
	}
	if q.Open {
		w.add("s.ended_at is null and s.alive_at > clock_timestamp() - ?::interval", telemetry.StaleAfter)
	}
	if !q.From.IsZero() {
		w.add("coalesce(s.ended_at, s.alive_at) >= ?", q.From)
	}
	if !q.To.IsZero() {
		w.add("s.began_at < ?", q.To)
	}
	at, err := cursor(q.After, 1)
	if err != nil {
		return nil, "", err
	}
	if at != nil {
		w.add("s.id < ?", at[0])
	}
	limit := w.limit(q.Limit + 1)
	rows, _ := a.pool.Query(ctx, selectSessions+w.sql()+" order by s.id desc"+limit, w.values...) // its error comes with the rows
	sessions, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s telemetry.Session, err error) {
		var ended *time.Time
		var reason *string
		var events int64
		err = row.Scan(&s.ID, &s.Catalogue, &s.Identity, &s.Scope, &s.Version, &s.Labels, &s.Parameters, &s.Began, &ended, &reason, &events)
		closed(&s, ended, reason, events)
		return s, err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read sessions: %w", err)
	}
	if len(sessions) > q.Limit {
		sessions = sessions[:q.Limit]
		next = mark(int64(sessions[q.Limit-1].ID))
	}
	return sessions, next, nil
}

// LossQuery says which entries of ledgers are asked for. Empty fields ask for all.
type LossQuery struct {
	Catalogue string
	Session   telemetry.SessionID
	Scopes    []string // nil is all, empty is none
	Causes    []telemetry.Cause
	From, To  time.Time // when it was noted
	Page
}

const selectLosses = `
select l.session, l.entry, l.cause, l.first_seq::text, l.last_seq::text, l.count::text, l.noted_at
from telemetry_losses l`

// Losses returns entries of ledgers, the last noted first, and a cursor as Events does.
func (a *Archive) Losses(ctx context.Context, q LossQuery) (losses []telemetry.Entry, next string, err error) {
	w := q.where()
	at, err := cursor(q.After, 3)
	if err != nil {
		return nil, "", err
	}
	if at != nil {
		w.add("(l.noted_at, l.session, l.entry) < (?, ?, ?)", time.UnixMicro(at[0]), at[1], at[2])
	}
	limit := w.limit(q.Limit + 1)
	rows, _ := a.pool.Query(ctx, selectLosses+w.sql()+" order by l.noted_at desc, l.session desc, l.entry desc"+limit, w.values...) // its error comes with the rows
	losses, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e telemetry.Entry, err error) {
		var first, last, count string
		err = row.Scan(&e.Session, &e.Number, &e.Cause, &first, &last, &count, &e.Noted)
		e.First, e.Last, e.Count = natural(first), natural(last), natural(count)
		return e, err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read losses: %w", err)
	}
	if len(losses) > q.Limit {
		losses = losses[:q.Limit]
		last := losses[q.Limit-1]
		next = mark(last.Noted.UnixMicro(), int64(last.Session), last.Number)
	}
	return losses, next, nil
}

// Lost returns how many events the entries count, by cause.
func (a *Archive) Lost(ctx context.Context, q LossQuery) (map[telemetry.Cause]uint64, error) {
	w := q.where()
	rows, _ := a.pool.Query(ctx, "select l.cause, least(sum(l.count), 18446744073709551615)::text from telemetry_losses l"+w.sql()+" group by l.cause", w.values...) // its error comes with the rows
	total := map[telemetry.Cause]uint64{}
	var cause telemetry.Cause
	var count string
	_, err := pgx.ForEachRow(rows, []any{&cause, &count}, func() error {
		total[cause] = natural(count)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add losses: %w", err)
	}
	return total, nil
}

func (q *LossQuery) where() *where {
	w := &where{}
	if q.Catalogue != "" {
		w.add(`l.session in (select ss.id from telemetry_sessions ss join telemetry_sources rr on rr.id = ss.source
			join telemetry_catalogues cc on cc.id = rr.catalogue where cc.name = ?)`, q.Catalogue)
	}
	if q.Session != 0 {
		w.add("l.session = ?", int64(q.Session))
	}
	if q.Scopes != nil {
		w.add("l.session in (select ss.id from telemetry_sessions ss where ss.scope = any(?))", q.Scopes)
	}
	if len(q.Causes) > 0 {
		w.add("l.cause = any(?)", wide(q.Causes))
	}
	if !q.From.IsZero() {
		w.add("l.noted_at >= ?", q.From)
	}
	if !q.To.IsZero() {
		w.add("l.noted_at < ?", q.To)
	}
	return w
}

// natural reads a number that the database checked.
func natural(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// closed sets what the row of a session says of its end, which may be to come.
func closed(s *telemetry.Session, ended *time.Time, reason *string, events int64) {
	s.Events = uint64(events)
	if ended != nil {
		s.Ended = *ended
	}
	if reason != nil {
		s.Reason = *reason
	}
}
