package meeting_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

// desk is the connection of a test to its database.
func desk(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func ask[V any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (v V) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

const (
	openSessions = "select count(*) from sessions where left_at is null"
	nobodyThere  = `select not exists (select from sessions where left_at is null) and not exists (select from session_participants where left_at is null)
		and not exists (select from meetings where state <> 'ended' or ended_at is null)`
)

// tally counts the changes that are made of the record.
type tally struct {
	*postgres.Store

	mu           sync.Mutex
	leave, other int
}

func (s *tally) count(n *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
}

func (s *tally) Leave(ctx context.Context, all []meeting.Departure) (map[string]meeting.Ended, error) {
	s.count(&s.leave)
	return s.Store.Leave(ctx, all)
}

func (s *tally) Together(ctx context.Context, room string, do func(meeting.Record) error) error {
	s.count(&s.other)
	return s.Store.Together(ctx, room, do)
}

func (s *tally) Exit(ctx context.Context, a meeting.Attendance, at time.Time, endWithHost bool) (meeting.Ended, error) {
	s.count(&s.other)
	return s.Store.Exit(ctx, a, at, endWithHost)
}

// stopping is the ledger of a node that stops: nobody runs it until finish.
func stopping(t *testing.T, url, node string, log io.Writer) (*meeting.Ledger, *tally, func() ([]meeting.RoomEnded, error)) {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, logger(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	counted := &tally{Store: store}
	l := meeting.New(meeting.Options{
		Store: counted, Log: logger(log), Node: node,
		Enabled: func(string) bool { return true }, EndOnHostLeave: func(string) bool { return true },
	})
	return l, counted, func() ([]meeting.RoomEnded, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		running, stop := context.WithCancel(ctx)
		var writing sync.WaitGroup
		writing.Go(func() { l.Run(running) })
		defer writing.Wait()
		defer stop()
		over, left, err := l.Leave(ctx)
		check(t, "left", left, 0)
		return over, err
	}
}

// crowd puts people on record as connected to a node: so many to each room.
func crowd(t *testing.T, conn *pgx.Conn, node string, rooms, people int) []meeting.Attendance {
	t.Helper()
	first := ask[uint64](t, conn, "select count(*) + 1 from sessions")
	var all []meeting.Attendance
	for i := range rooms {
		for k := range people {
			all = append(all, meeting.Attendance{
				Session: first + uint64(len(all)), Room: fmt.Sprint(node, "-room", i), User: fmt.Sprint("user", k), Node: node,
			})
		}
	}
	for _, sql := range []string{
		`insert into sessions select (select count(*) + 1 from sessions) + i * $3 + k, $1 || '-room' || i, 'user' || k, '', $1, '', '', now() - interval '2 hours'
			from generate_series(0, $2::int - 1) i, generate_series(0, $3::int - 1) k`,
		`insert into session_participants (room_id, user_id, joined_at) select $1 || '-room' || i, 'user' || k, now() - interval '2 hours'
			from generate_series(0, $2::int - 1) i, generate_series(0, $3::int - 1) k`,
		`insert into meetings (room_id, started_at, creator_id, state) select $1 || '-room' || i, now() - interval '2 hours', 'user0', 'active'
			from generate_series(0, $2::int - 1) i where $3::int > 0`,
	} {
		if _, err := conn.Exec(t.Context(), sql, node, rooms, people); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Thousands who leave at once are written in a few changes, however many rooms they leave.
func TestManyLeaveInFewChanges(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	l, store, finish := stopping(t, url, "node", t.Output())
	const rooms, people = 300, 10
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for _, a := range crowd(t, conn, "node", rooms, people) {
		l.Exit(impatient, a)
	}
	over, err := finish()
	if err != nil {
		t.Error(err)
	}
	check(t, "everybody is gone and all is over", ask[bool](t, conn, nobodyThere), true)
	const roomsAtOnce = 64
	want := (rooms + roomsAtOnce - 1) / roomsAtOnce
	if len(over) > 0 { // the database was so slow that what had not been written was closed with what is left of the node
		want *= 2
	}
	if store.leave == 0 || store.leave > want || store.other != 0 {
		t.Errorf("%d changes and %d of single rooms, want at most %d and none", store.leave, store.other, want)
	}
}

// What nobody said of the people of a node that stops is written all the same, in few changes, and
// nothing of others.
func TestLastOneOutClosesEverything(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	l, store, finish := stopping(t, url, "node", t.Output())
	crowd(t, conn, "other", 2, 2)
	crowd(t, conn, "node", 100, 10)
	if err := store.Alive(t.Context(), "node"); err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	late := meeting.Attendance{Session: 5_000_000, Room: "late", User: "alice", Node: "node"}
	if _, err := l.Enter(impatient, late); err != nil {
		t.Fatal(err)
	}
	before := ask[time.Time](t, conn, "select now()")
	over, err := finish()
	if err != nil || len(over) != 101 {
		t.Errorf("%d meetings are over, %v", len(over), err)
	}
	if store.leave > 4 || store.other != 1 { // who came late came alone
		t.Errorf("%d changes and %d of single rooms", store.leave, store.other)
	}
	check(t, "open sessions", ask[int](t, conn, openSessions), 4)
	check(t, "of the other node", ask[int](t, conn, openSessions+" and node_id = 'other'"), 4)
	check(t, "left before", ask[int](t, conn, "select count(*) from sessions where left_at < $1", before), 0)
	check(t, "signs of life", ask[int](t, conn, "select count(*) from nodes"), 0)

	if _, err := l.Enter(t.Context(), late); err != nil {
		t.Error(err)
	}
	check(t, "pending after the end", l.Pending(), 0)
}

// When the database is away at the end it is told how many are left.
func TestDeparturesThatAreLeftToOthersAreCounted(t *testing.T) {
	var said bytes.Buffer
	l, _, _ := stopping(t, "postgres://nobody@127.0.0.1:1/none", "node", &said)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 5 {
		a := meeting.Attendance{Session: uint64(i), Room: "room", User: "alice", Node: "node"}
		if _, err := l.Enter(impatient, a); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			l.Exit(impatient, a)
		}
	}
	if _, left, err := l.Leave(impatient); err == nil || left != 5 {
		t.Errorf("%d are left, %v", left, err)
	}
	if !strings.Contains(said.String(), "arrivals=5 departures=2") {
		t.Errorf("log:\n%s", said.String())
	}
}

// A room that somebody holds on to keeps none of the others waiting, and is not forgotten.
func TestHeldRoomIsLeftByItself(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	people := crowd(t, conn, "node-a", 30, 3)
	tx := begin(t, url, "select from meetings where room_id = 'node-a-room7' for update")
	o := openOn(t, url, "node-a", patience, 0)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for _, a := range people {
		o.Exit(impatient, a)
	}
	for deadline := time.Now().Add(patience); ask[int](t, conn, openSessions) > 3 && time.Now().Before(deadline); {
	}
	check(t, "open sessions of held rooms", ask[int](t, conn, openSessions+" and room_id = 'node-a-room7'"), 3)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.flush()
	check(t, "everybody is gone and all is over", ask[bool](t, conn, nobodyThere), true)
}

// One record that no database takes costs the others who leave with it nothing.
func TestOneRejectedDepartureAmongMany(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	people := crowd(t, conn, "node-a", 10, 3)
	if _, err := conn.Exec(t.Context(), "alter table sessions add check (session_id <> 5 or left_at is null)"); err != nil {
		t.Fatal(err)
	}
	o := openOn(t, url, "node-a", patience, 0)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for _, a := range people {
		o.Exit(impatient, a)
	}
	o.flush()
	check(t, "open sessions", ask[int](t, conn, openSessions), 1)
	check(t, "pending", o.Pending(), 0)
}

// Whoever was connected to a node that died left when it was last known to live, not when somebody found
// out about it.
func TestPeopleOfADeadNodeLeftWhenItDied(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	crowd(t, conn, "dead", 200, 5)
	if _, err := conn.Exec(t.Context(), "insert into nodes values ('dead', now() - interval '1 hour')"); err != nil {
		t.Fatal(err)
	}
	died := ask[time.Time](t, conn, "select alive_at from nodes")
	_, store, _ := stopping(t, url, "node", t.Output())
	l := meeting.New(meeting.Options{
		Store: store, Log: logger(t.Output()), Node: "node",
		Enabled: func(string) bool { return true }, EndOnHostLeave: func(string) bool { return false },
	})
	over, writing, err := l.Reconcile(t.Context(), []string{"node"})
	if err != nil || len(over) != 200 || len(writing) != 0 {
		t.Fatalf("%d meetings are over, %v, %v", len(over), writing, err)
	}
	check(t, "everybody is gone and all is over", ask[bool](t, conn, nobodyThere), true)
	const moments = `select count(*) from (select left_at from sessions union select left_at from session_participants union select ended_at from meetings) m`
	check(t, "moments of departure", ask[int](t, conn, moments), 1)
	check(t, "moment", ask[time.Time](t, conn, "select min(left_at) from sessions").Equal(died), true)
	check(t, "signs of life", ask[int](t, conn, "select count(*) from nodes"), 0)
	if store.leave > 4 || store.other != 0 {
		t.Errorf("%d changes and %d of single rooms", store.leave, store.other)
	}

	// One that never said that it lives did so when the last of its people came.
	crowd(t, conn, "mute", 1, 3)
	if _, err := conn.Exec(t.Context(), "update sessions set entered_at = entered_at + interval '1 minute' where node_id = 'mute' and user_id = 'user1'"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.NodeLost(t.Context(), "mute"); err != nil {
		t.Fatal(err)
	}
	const last = `select count(distinct left_at) = 1 and max(left_at) = max(entered_at) from sessions where node_id = 'mute'`
	check(t, "left when the last one came", ask[bool](t, conn, last), true)
}

// A node that others do not see but that writes is not dead: people are connected to it.
func TestNodeThatWritesIsNotTakenForDead(t *testing.T) {
	url := postgrestest.URL(t)
	conn := desk(t, url)
	a, apart := openOn(t, url, "node-a", patience, 0), openOn(t, url, "apart", patience, 0)
	apart.join("room", "alice")
	const signs = "select count(*) from nodes where node_id = 'apart'"
	for deadline := time.Now().Add(patience); ask[int](t, conn, signs) == 0 && time.Now().Before(deadline); {
	}
	over, writing, err := a.Reconcile(t.Context(), []string{"node-a"})
	if err != nil || len(over) != 0 {
		t.Errorf("over: %v, %v", over, err)
	}
	check(t, "writing", writing, []string{"apart"})
	a.participants("room", 1)
	check(t, "signs of life of a node without people", ask[int](t, conn, "select count(*) from nodes where node_id = 'node-a'"), 0)
}
