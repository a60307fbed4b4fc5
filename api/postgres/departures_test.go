package postgres_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

// record returns what is on record of rooms that begin with prefix, without that.
func record(t *testing.T, conn *pgx.Conn, prefix string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select 'session ' || substr(room_id, $2) || ' ' || user_id || ' ' || (session_id % 1000000) || ' ' || coalesce(left_at::text, 'there')
			from sessions where starts_with(room_id, $1)
		union all select 'participant ' || substr(room_id, $2) || ' ' || user_id || ' ' || coalesce(left_at::text, 'there')
			from session_participants where starts_with(room_id, $1)
		union all select 'meeting ' || substr(room_id, $2) || ' ' || state || ' ' || coalesce(ended_at::text, 'on')
			from meetings where starts_with(room_id, $1)
		union all select 'admitted ' || substr(room_id, $2) || ' ' || user_id || ' ' || coalesce(p.left_at::text, 'there')
			from meeting_participants p join meetings m on m.id = p.meeting_id where starts_with(room_id, $1)
		order by 1`, prefix, len(prefix)+1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// To leave together is to leave one after the other, on record.
func TestLeavingTogetherIsLeavingOneByOne(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	run := uint64(0)
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	rapid.Check(t, func(r *rapid.T) {
		run++
		prefixes := []string{fmt.Sprintf("%d-singly-", run), fmt.Sprintf("%d-jointly-", run)}
		var gone [2][]meeting.Departure
		users := []string{"alice", "bob", "carol"}
		left := began.Add(time.Minute)
		stays := rapid.SampledFrom([]string{"", "alice", "bob", "carol"}).Draw(r, "who stays")
		for i := range rapid.IntRange(1, 12).Draw(r, "sessions") {
			room := rapid.SampledFrom([]string{"a", "b", "b", "c"}).Draw(r, "room")
			user := rapid.SampledFrom(users).Draw(r, "user")
			leaves, ends := user != stays && rapid.IntRange(0, 5).Draw(r, "one of several tabs") > 0, room != "c"
			for k, prefix := range prefixes {
				id := run*2_000_000 + uint64(k)*1_000_000 + uint64(i)
				a := meeting.Attendance{Session: id, Room: prefix + room, User: user, Node: "node"}
				if _, err := store.Enter(t.Context(), a, began.Add(time.Duration(i)*time.Second)); err != nil {
					r.Fatal(err)
				}
				if leaves {
					gone[k] = append(gone[k], meeting.Departure{Attendance: a, At: left, EndWithHost: ends})
				}
			}
		}
		// In one of the rooms people are admitted, some of them as hosts, and it may end with the last of these.
		hosts := rapid.SliceOfDistinct(rapid.SampledFrom(users), rapid.ID[string]).Draw(r, "hosts")
		withHosts := rapid.Bool().Draw(r, "ends with its hosts")
		for _, prefix := range prefixes {
			if _, err := conn.Exec(t.Context(), `update meetings set end_on_host_leave = $2 where room_id = $1`, prefix+"b", withHosts); err != nil {
				r.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), `
				insert into meeting_participants (meeting_id, user_id, status, is_host, joined_at)
				select m.id, p.user_id, 'admitted', p.user_id = any($2), m.started_at
				from meetings m join session_participants p using (room_id) where m.room_id = $1`, prefix+"b", hosts); err != nil {
				r.Fatal(err)
			}
		}
		over := map[string]bool{}
		for _, d := range gone[0] {
			e, err := store.Exit(t.Context(), d.Attendance, d.At, d.EndWithHost)
			if err != nil {
				r.Fatal(err)
			}
			over[d.Room[len(prefixes[0]):]] = over[d.Room[len(prefixes[0]):]] || e.Over
		}
		ended, err := store.Leave(t.Context(), gone[1])
		if err != nil {
			r.Fatal(err)
		}
		together := map[string]bool{}
		for room, e := range ended {
			together[room[len(prefixes[1]):]] = e.Over
		}
		if !maps.Equal(over, together) {
			r.Errorf("over are %v one by one, %v together", over, together)
		}
		if diff := cmp.Diff(record(t, conn, prefixes[0]), record(t, conn, prefixes[1])); diff != "" {
			r.Errorf("on record (-one by one +together):\n%s", diff)
		}
	})
}

// Rooms that others are changing are left to the caller, who waits for nobody.
func TestLeavingWaitsForNobody(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	var all []meeting.Departure
	for i, room := range []string{"free", "changed", "entered"} {
		a := meeting.Attendance{Session: math.MaxUint64 - uint64(i), Room: room, User: "alice", Node: "node"}
		if _, err := store.Enter(t.Context(), a, time.Now()); err != nil {
			t.Fatal(err)
		}
		all = append(all, meeting.Departure{Attendance: a, At: time.Now()})
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "select from meetings where room_id = 'changed' for update"); err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	release := make(chan struct{})
	entered := make(chan error, 1)
	go func() {
		entered <- store.Together(t.Context(), "entered", func(meeting.Record) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	ended, err := store.Leave(t.Context(), all)
	if want := (map[string]meeting.Ended{"free": {Over: true}}); err != nil || !cmp.Equal(ended, want) {
		t.Errorf("got %v, %v, want %v", ended, err, want)
	}
	close(release)
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, err = store.Leave(t.Context(), all)
	want := []string{"changed", "entered", "free"}
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(ended)), want) || !ended["changed"].Over || ended["free"].Over {
		t.Errorf("once they are free: %v, %v", ended, err)
	}
	if open, err := store.OpenOn(t.Context(), "node"); err != nil || len(open) != 0 {
		t.Errorf("open: %v, %v", open, err)
	}
}

// nodes checks which nodes are silent and which are not, to somebody who knows of node-a.
func nodes(t *testing.T, store *postgres.Store, wantSilent, wantWriting []string) {
	t.Helper()
	silent, writing, err := store.Absent(t.Context(), []string{"node-a"}, time.Minute)
	if err != nil || !slices.Equal(silent, wantSilent) || !slices.Equal(writing, wantWriting) {
		t.Errorf("silent %v, writing %v, %v; want %v and %v", silent, writing, err, wantSilent, wantWriting)
	}
}

func TestNodesThatAreAbsent(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	for i, node := range []string{"node-a", "node-b", "node-c"} {
		a := meeting.Attendance{Session: uint64(i + 1), Room: "room", User: node, Node: node}
		if _, err := store.Enter(t.Context(), a, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	nodes(t, store, []string{"node-b", "node-c"}, nil)
	for _, node := range []string{"node-c", "node-d"} {
		if err := store.Alive(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	nodes(t, store, []string{"node-b"}, []string{"node-c", "node-d"})
	exec(t, url, "update nodes set alive_at = now() - interval '2 minutes'")
	nodes(t, store, []string{"node-b", "node-c", "node-d"}, nil)
	if err := store.Gone(t.Context(), "node-d"); err != nil {
		t.Fatal(err)
	}
	nodes(t, store, []string{"node-b", "node-c"}, nil)
}

// A meeting that ends with its last host does so when all of them leave together.
func TestHostsWhoLeaveTogetherEndTheMeeting(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	var all []meeting.Departure
	for i, user := range []string{"alice", "bob", "carol"} {
		a := meeting.Attendance{Session: uint64(i + 1), Room: "room", User: user, Node: "node"}
		if _, err := store.Enter(t.Context(), a, time.Now()); err != nil {
			t.Fatal(err)
		}
		all = append(all, meeting.Departure{Attendance: a, At: time.Now()})
	}
	exec(t, url, `update meetings set end_on_host_leave = true`)
	exec(t, url, `insert into meeting_participants (meeting_id, user_id, status, is_host, joined_at)
		select m.id, p.user_id, 'admitted', p.user_id <> 'carol', m.started_at from meetings m join session_participants p using (room_id)`)
	ended, err := store.Leave(t.Context(), all[:2])
	if want := (map[string]meeting.Ended{"room": {Over: true, Message: meeting.HostEnded}}); err != nil || !cmp.Equal(ended, want) {
		t.Errorf("got %v, %v, want %v", ended, err, want)
	}
	if n, err := store.ActiveCount(t.Context(), "room"); n != 0 || err != nil {
		t.Errorf("%d remain, %v", n, err)
	}
}
