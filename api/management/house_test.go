package management_test

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"parley/api/management"
	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

// house is meetings on a database of their own, with the record of connections beside them
// and a way to look at the rows.
type house struct {
	*management.Meetings
	rooms *recorder
	store *postgres.Store
	rows  *pgxpool.Pool
	log   *slog.Logger
	t     testing.TB
}

func newHouse(t testing.TB, s management.Settings) *house {
	t.Helper()
	url := postgrestest.URL(t)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), url, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	rows, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rows.Close)
	rooms := &recorder{}
	return &house{management.New(store, rooms, s, log), rooms, store, rows, log, t}
}

func open(string) bool   { return false } // a setting: no waiting room
func always(string) bool { return true }

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.rows.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

// value reads one value.
func value[T any](h *house, sql string, args ...any) (v T) {
	h.t.Helper()
	if err := h.rows.QueryRow(h.t.Context(), sql, args...).Scan(&v); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (h *house) ask(user, room string) management.Answer {
	h.t.Helper()
	a, err := h.Join(h.t.Context(), caller(user), room, management.Request{DisplayName: user})
	if err != nil {
		h.t.Fatalf("%s joins: %v", user, err)
	}
	return a
}

// get returns a meeting.
func (h *house) get(room string) management.Meeting {
	h.t.Helper()
	m, _, err := h.Get(h.t.Context(), management.Caller{Admin: true}, room)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// connect records a session of user that enters now.
func (h *house) connect(user, room string) meeting.Attendance {
	h.t.Helper()
	a := meeting.Attendance{Session: rand.Uint64(), Room: room, User: user, Node: "node-a", Transport: "websocket"}
	h.enter(a, time.Now())
	return a
}

func (h *house) enter(a meeting.Attendance, at time.Time) meeting.Started {
	h.t.Helper()
	started, err := h.store.Enter(h.t.Context(), a, at)
	if err != nil {
		h.t.Fatal(err)
	}
	return started
}

// disconnect records that a session left now.
func (h *house) disconnect(a meeting.Attendance, hostEnds bool) meeting.Ended {
	h.t.Helper()
	ended, err := h.store.Exit(h.t.Context(), a, time.Now(), hostEnds)
	if err != nil {
		h.t.Fatal(err)
	}
	return ended
}
