package postgres_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func open(t *testing.T, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, logger(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func logger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestOpenNeitherConnectsNorTellsThePassword(t *testing.T) {
	down := open(t, "postgres://somebody:hunter2@127.0.0.1:1/none")
	if err := down.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("ping of nobody: %v", err)
	}
	_, err := postgres.Open(t.Context(), "postgres://somebody:hunter2@127.0.0.1:none/x", logger(t.Output()))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("mistaken address: %v", err)
	}
	if err := open(t, postgrestest.URL(t)).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// Every unsigned number is kept as it is, and all there is to know of a session.
func TestSessionsAreListedAsTheyEntered(t *testing.T) {
	store := open(t, postgrestest.URL(t))
	at := time.Now()
	var want []meeting.Attendance
	for i, id := range []uint64{1, math.MaxInt64 + 1, math.MaxUint64} {
		a := meeting.Attendance{
			Session: id, Room: "room", User: "alice", DisplayName: "Alice in \U0001F30D",
			Node: "node-a", Transport: "webtransport", Instance: "tab",
		}
		if _, err := store.Enter(t.Context(), a, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		want = append(want, a)
	}
	if _, err := store.Exit(t.Context(), want[0], at, false); err != nil {
		t.Fatal(err)
	}
	open, err := store.OpenOn(t.Context(), "node-a")
	var got []meeting.Attendance
	for _, o := range open {
		got = append(got, o.Attendance)
	}
	if diff := cmp.Diff(want[1:], got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if silent, writing, err := store.Absent(t.Context(), []string{"node-a"}, time.Hour); len(silent)+len(writing) != 0 || err != nil {
		t.Errorf("elsewhere: %v, %v, %v", silent, writing, err)
	}
}

func TestRejectedIsToldFromPassing(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	long := meeting.Attendance{Session: 1, Room: "room", User: strings.Repeat("x", 300)}
	if _, err := store.Enter(t.Context(), long, time.Now()); !errors.Is(err, meeting.ErrRejected) {
		t.Errorf("too long a name: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Enter(ctx, meeting.Attendance{Session: 1, Room: "room", User: "alice"}, time.Now()); err == nil || errors.Is(err, meeting.ErrRejected) {
		t.Errorf("cancelled: %v", err)
	}
	if n, err := store.ActiveCount(t.Context(), "room"); n != 0 || err != nil {
		t.Errorf("left behind: %d, %v", n, err)
	}
}

// Rows of an older server say that a meeting is over by ended_at alone.
func TestMeetingsOfOlderServers(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	exec(t, url, `insert into meetings (room_id, started_at, ended_at, creator_id, state) values
		('over', '2026-01-01', '2026-01-02', 'alice', 'idle'),
		('revived', '2026-01-01', '2026-01-02', 'alice', 'active'),
		('nobodys', '2026-01-01', null, null, 'idle')`)
	var id uint64
	for room, want := range map[string]string{"over": "bob", "revived": "alice", "nobodys": "bob"} {
		id++
		a := meeting.Attendance{Session: id, Room: room, User: "bob"}
		started, err := store.Enter(t.Context(), a, time.Now())
		if err != nil || started.Creator != want || (started.At.Year() == 2026 && started.At.YearDay() == 1) == (room == "over") {
			t.Errorf("%s: told %+v, %v", room, started, err)
		}
		if m, err := store.Meeting(t.Context(), room); err != nil || !m.Ended.IsZero() || m.State != meeting.Active {
			t.Errorf("%s: %+v, %v", room, m, err)
		}
	}
}

func BenchmarkEnterAndExit(b *testing.B) {
	store, err := postgres.Open(b.Context(), postgrestest.URL(b), logger(io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	var id uint64
	for b.Loop() {
		id++
		a := meeting.Attendance{Session: id, Room: "room", User: "alice"}
		if _, err := store.Enter(b.Context(), a, time.Now()); err != nil {
			b.Fatal(err)
		}
		if _, err := store.Exit(b.Context(), a, time.Now(), false); err != nil {
			b.Fatal(err)
		}
	}
}
