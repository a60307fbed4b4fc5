package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/telemetry"
)

// columns of events, in the order in which they are written.
const columns = `session, seq, received_at, at, kind, catalogue, class, link, number, number2, subject, body`

const copyEvents = `copy telemetry_events (` + columns + `) from stdin (format binary)`

// What was stored before is left out. Copying straight into the table is twice as fast and
// fails as a whole then.
const (
	stageTable  = `create temporary table telemetry_stage (like telemetry_events) on commit drop`
	copyStage   = `copy telemetry_stage (` + columns + `) from stdin (format binary)`
	insertStage = `insert into telemetry_events (` + columns + `) select ` + columns + ` from telemetry_stage on conflict do nothing`
)

// postgresEpoch is 2000-01-01 in microseconds since 1970: timestamps count from there.
const postgresEpoch = 946_684_800_000_000

// events stores rows in one transaction.
func (a *Archive) events(ctx context.Context, rows []telemetry.Row) error {
	if len(rows) == 0 {
		return nil
	}
	if err := a.tables(ctx, daysOf(rows)); err != nil {
		return err
	}
	data, err := a.encode(ctx, rows)
	if err != nil {
		return err
	}
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store events: %w", err)
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(data), copyEvents)
	switch code(err) {
	case uniqueViolation:
		err = stage(ctx, conn.Conn(), data)
	case checkViolation:
		if strings.Contains(err.Error(), "no partition") {
			// The table was dropped: what came that long ago is made room for once more.
			a.forgetTables()
			return fmt.Errorf("store events: %v", err) // not refused, to be tried again
		}
	}
	if err != nil {
		return fmt.Errorf("store events: %w", refusal(err))
	}
	return nil
}

// stage stores those rows of data that are not there yet.
func stage(ctx context.Context, conn *pgx.Conn, data []byte) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, stageTable); err != nil {
			return err
		}
		if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(data), copyStage); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertStage)
		return err
	})
}

// encode returns rows in PostgreSQL's binary format of COPY.
func (a *Archive) encode(ctx context.Context, rows []telemetry.Row) ([]byte, error) {
	size := 32
	for i := range rows {
		size += 128 + len(rows[i].Body) + len(rows[i].Subject)
	}
	b := make([]byte, 0, size)
	b = append(b, "PGCOPY\n\xff\r\n\x00"...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // flags, and nothing more in the header
	for i := range rows {
		r := &rows[i]
		catalogue, err := a.catalogue(ctx, r.Catalogue)
		if err != nil {
			return nil, err
		}
		b = append(b, 0, 12)
		b = int8s(b, uint64(r.Session))
		b = int8s(b, r.Seq)
		b = int8s(b, uint64(r.Received-postgresEpoch))
		b = int8s(b, uint64(r.At-postgresEpoch))
		b = binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(r.Kind))
		b = binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(catalogue))
		b = binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(r.Class))
		b = optional(b, r.Link, r.Has&telemetry.HasLink != 0)
		b = optional(b, r.Number, r.Has&telemetry.HasNumber != 0)
		b = optional(b, r.Index, r.Has&telemetry.HasIndex != 0)
		if r.Subject == nil {
			b = append(b, null...)
		} else {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(r.Subject))), r.Subject...)
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(r.Body))), r.Body...)
	}
	return append(b, 0xff, 0xff), nil
}

// null is the length of an absent value.
const null = "\xff\xff\xff\xff"

func int8s(b []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), v)
}

func optional(b []byte, v uint64, known bool) []byte {
	if !known {
		return append(b, null...)
	}
	return int8s(b, v)
}

// daysOf returns the days on which rows came.
func daysOf(rows []telemetry.Row) []time.Time {
	const day = 24 * time.Hour / time.Microsecond
	var days []time.Time
	last := int64(-1)
	for i := range rows {
		if d := rows[i].Received / int64(day); d != last {
			days = append(days, time.UnixMicro(d*int64(day)).UTC())
			last = d
		}
	}
	return days
}
