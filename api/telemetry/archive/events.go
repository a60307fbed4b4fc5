package archive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// EventQuery says which events are asked for. Empty fields ask for all.
type EventQuery struct {
	Catalogue string
	Kinds     []uint16
	Classes   []telemetry.Class
	Sessions  []telemetry.SessionID
	Source    string   // identity
	Scopes    []string // nil is all, empty is none
	Subject   []byte
	Number    telemetry.Number
	Index     telemetry.Number
	From, To  time.Time // of receipt
	Thread    *Thread   // nil is any
	Offset    int       // how many to skip, where clients know no cursors; costs their reading
	Page
}

// Thread asks for what belongs together: events that continue the same earlier one, and that
// one, where one of them has all of this.
type Thread struct {
	Kinds   []uint16 // not empty
	Subject []byte   // nil is any
	Index   telemetry.Number
}

// threadTime is how long before the time that is asked for the event may have come that a
// thread is found by.
const threadTime = time.Hour

// StoredEvent is an event as it is on record.
type StoredEvent struct {
	telemetry.Row
	Session telemetry.Session
}

const selectEvents = `
select e.session, e.seq, e.received_at, e.at, e.kind, e.class, e.link, e.number, e.number2, e.subject, e.body,
    c.name, r.identity, s.scope, s.version, s.labels, s.parameters, s.began_at
from telemetry_events e
join telemetry_sessions s on s.id = e.session
join telemetry_sources r on r.id = s.source
join telemetry_catalogues c on c.id = e.catalogue`

// Events returns events, the last received first, and the cursor of what comes after them; ""
// when that is nothing. A cursor stays good while events come and go.
func (a *Archive) Events(ctx context.Context, q EventQuery) (events []StoredEvent, next string, err error) {
	w, err := a.wanted(ctx, &q)
	if err != nil || w == nil {
		return nil, "", err
	}
	at, err := cursor(q.After, 3)
	if err != nil {
		return nil, "", err
	}
	if at != nil {
		w.add("e.received_at <= ?", time.UnixMicro(at[0])) // for the index; the next is exact
		w.add("(e.received_at, e.session, e.seq) < (?, ?, ?)", time.UnixMicro(at[0]), at[1], at[2])
	}
	limit := w.limit(q.Limit+1) + " offset " + strconv.Itoa(max(q.Offset, 0))
	rows, _ := a.pool.Query(ctx, selectEvents+w.sql()+" order by e.received_at desc, e.session desc, e.seq desc"+limit, w.values...) // its error comes with the rows
	events, err = pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, "", fmt.Errorf("read events: %w", err)
	}
	if len(events) > q.Limit {
		events = events[:q.Limit]
		last := &events[q.Limit-1]
		next = mark(last.Received, int64(last.Row.Session), int64(last.Seq))
	}
	return events, next, nil
}

// maxSessions is how many sessions, the latest, events of a source or a scope are looked for
// in.
const maxSessions = 20_000

// sessionsOf returns the sessions that events of a query may be of.
func (a *Archive) sessionsOf(ctx context.Context, q *EventQuery) ([]int64, error) {
	var w where
	if q.Source != "" {
		w.add("s.source in (select r.id from telemetry_sources r where r.identity = ?)", q.Source)
	}
	if q.Scopes != nil {
		w.add("s.scope = any(?)", q.Scopes)
	}
	if !q.From.IsZero() {
		w.add("(s.ended_at is null or s.ended_at >= ?)", q.From.Add(-telemetry.StaleAfter))
	}
	if !q.To.IsZero() {
		w.add("s.began_at < ?", q.To)
	}
	limit := w.limit(maxSessions)
	rows, _ := a.pool.Query(ctx, "select s.id from telemetry_sessions s"+w.sql()+" order by s.id desc"+limit, w.values...) // its error comes with the rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("read sessions of events: %w", err)
	}
	return ids, nil
}

// wanted returns the conditions on events e and their catalogue c; nil when there are no such.
func (a *Archive) wanted(ctx context.Context, q *EventQuery) (*where, error) {
	w := &where{}
	if q.Catalogue != "" {
		w.add("c.name = ?", q.Catalogue)
	}
	if len(q.Kinds) > 0 {
		w.add("e.kind = any(?)", wide(q.Kinds))
	}
	if len(q.Classes) > 0 {
		w.add("e.class = any(?)", wide(q.Classes))
	}
	if len(q.Sessions) > 0 {
		w.add("e.session = any(?)", q.Sessions)
	}
	if q.Source != "" || q.Scopes != nil {
		// Ids rather than a subquery: the planner then knows how few events that may be.
		ids, err := a.sessionsOf(ctx, q)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		w.add("e.session = any(?)", ids)
	}
	if q.Subject != nil {
		w.add("e.subject = ?", q.Subject)
	}
	if q.Number.Known {
		w.add("e.number = ?", int64(q.Number.Value))
	}
	if q.Index.Known {
		w.add("e.number2 = ?", int64(q.Index.Value))
	}
	if !q.From.IsZero() {
		w.add("e.received_at >= ?", q.From)
	}
	if !q.To.IsZero() {
		w.add("e.received_at < ?", q.To)
	}
	if q.Thread != nil {
		q.Thread.add(w, q.From, q.To)
	}
	return w, nil
}

// add adds the condition that an event is of such a thread.
func (t *Thread) add(w *where, from, to time.Time) {
	term := "(e.session, coalesce(e.link, e.seq)) in (select f.session, coalesce(f.link, f.seq) from telemetry_events f where f.kind = any(?)"
	values := []any{wide(t.Kinds)}
	if t.Subject != nil {
		term, values = term+" and f.subject = ?", append(values, t.Subject)
	}
	if t.Index.Known {
		term, values = term+" and f.number2 = ?", append(values, int64(t.Index.Value))
	}
	if !from.IsZero() {
		term, values = term+" and f.received_at >= ?", append(values, from.Add(-threadTime))
	}
	if !to.IsZero() {
		term, values = term+" and f.received_at < ?", append(values, to)
	}
	w.add(term+")", values...)
}

// wide returns small numbers as the database compares them.
func wide[N uint16 | telemetry.Class | telemetry.Cause](small []N) []int32 {
	all := make([]int32, len(small))
	for i, n := range small {
		all[i] = int32(n)
	}
	return all
}

func scanEvent(row pgx.CollectableRow) (e StoredEvent, err error) {
	var received, at time.Time
	var seq int64
	var kind int32
	var link, number, index *int64
	s := &e.Session
	err = row.Scan(&e.Row.Session, &seq, &received, &at, &kind, &e.Class, &link, &number, &index, &e.Subject, &e.Body,
		&s.Catalogue, &s.Identity, &s.Scope, &s.Version, &s.Labels, &s.Parameters, &s.Began)
	e.Seq, e.Received, e.At, e.Kind = uint64(seq), received.UnixMicro(), at.UnixMicro(), uint16(kind)
	e.Link = known(link, telemetry.HasLink, &e.Has)
	e.Number = known(number, telemetry.HasNumber, &e.Has)
	e.Index = known(index, telemetry.HasIndex, &e.Has)
	e.Catalogue, s.ID = s.Catalogue, e.Row.Session
	return e, err
}

// known returns the value of a column, and notes in has that there is one.
func known(v *int64, bit telemetry.Has, has *telemetry.Has) uint64 {
	if v == nil {
		return 0
	}
	*has |= bit
	return uint64(*v)
}
