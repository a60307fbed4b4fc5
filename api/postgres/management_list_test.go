package postgres_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/management"
	"parley/api/postgres/postgrestest"
)

// on is a meeting as its row has it, and what that of one user says.
type on struct {
	id                      int64
	room, owner, host       string
	state                   management.State
	created, started, ended time.Time
	deleted                 bool
	admitted                time.Time
	present, waiting        int
}

func (m on) active() time.Time {
	return slices.MaxFunc([]time.Time{m.created, m.started, m.ended, m.admitted}, time.Time.Compare)
}

// What lists have in them, in which order and how much of it, with their rules once more.
func TestListsAreWhatTheRowsSay(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, seed))
	all := furnish(t, conn, dice)
	for _, scope := range []management.Scope{management.Owned, management.Joined, management.Feed, management.All} {
		for _, search := range []string{"", "M1", "er 2", "user1", "%"} {
			want := expected(all, scope, search)
			for _, part := range [][2]int{{1000, 0}, {5, 0}, {7, 3}, {len(want) + 1, 0}, {max(len(want), 1), 0}, {3, max(len(want)-1, 0)}, {3, len(want)}, {3, len(want) + 5}} {
				q := management.Query{User: "user1", Scope: scope, Search: search, Limit: part[0], Offset: part[1]}
				got, err := store.ListMeetings(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				page := want[min(q.Offset, len(want)):min(q.Offset+q.Limit, len(want))]
				if got.Total != len(want) || !slices.EqualFunc(got.Meetings, page, same) {
					t.Errorf("%+v: %d meetings of %d, not these %d of %d:\n%+v\n%+v", q, len(got.Meetings), got.Total, len(page), len(want), got.Meetings, page)
				}
			}
		}
	}
}

// furnish makes meetings of a few users, and returns them with what concerns user1.
func furnish(t *testing.T, conn *pgx.Conn, dice *rand.Rand) (all []on) {
	t.Helper()
	user := func() string { return fmt.Sprintf("user%d", dice.IntN(4)) }
	epoch := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	at := func() time.Time { return epoch.Add(time.Duration(dice.IntN(20)) * time.Hour) } // often the same
	for i := range 120 {
		m := on{
			room: fmt.Sprintf("m%d", i), owner: user(), host: "User " + fmt.Sprint(i%3), created: at(), started: at(), deleted: dice.IntN(6) == 0,
			state: []management.State{management.Idle, management.Active, management.Ended}[dice.IntN(3)],
		}
		if m.state == management.Ended {
			m.ended = at()
		}
		err := conn.QueryRow(t.Context(), `
			insert into meetings (room_id, creator_id, host_display_name, state, created_at, started_at, ended_at, deleted_at)
			values ($1, $2, $3, $4, $5, $6, $7, case when $8 then now() end) returning id`,
			m.room, m.owner, m.host, m.state, m.created, m.started, orNull(m.ended), m.deleted).Scan(&m.id)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 4 {
			status := []management.Status{management.Waiting, management.Admitted, management.Left}[dice.IntN(3)]
			var admitted, left time.Time
			switch {
			case status == management.Waiting:
				m.waiting++
			default:
				admitted = at()
				if status == management.Left || dice.IntN(2) == 0 {
					left = admitted.Add(time.Minute)
				} else {
					m.present++
				}
			}
			if k == 1 {
				m.admitted = admitted
			}
			if _, err := conn.Exec(t.Context(), `
				insert into meeting_participants (meeting_id, user_id, status, admitted_at, left_at) values ($1, $2, $3, $4, $5)`,
				m.id, fmt.Sprintf("user%d", k), status, orNull(admitted), orNull(left)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, m)
	}
	return all
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func expected(all []on, scope management.Scope, search string) (want []on) {
	has := func(in string) bool { return strings.Contains(strings.ToLower(in), strings.ToLower(search)) }
	for _, m := range all {
		owned, joined := m.owner == "user1", !m.admitted.IsZero()
		if scope == management.Owned || scope == management.All {
			m.admitted = time.Time{}
		}
		in := map[management.Scope]bool{
			management.Owned: owned, management.Joined: joined, management.Feed: owned || joined, management.All: true,
		}[scope]
		if in && !m.deleted && (has(m.room) || has(m.host) || has(m.owner)) {
			want = append(want, m)
		}
	}
	slices.SortFunc(want, func(a, b on) int {
		var first int
		switch scope {
		case management.Owned:
			first = b.created.Compare(a.created)
		case management.Joined:
			first = b.admitted.Compare(a.admitted)
		default:
			rank := func(m on) int { return map[bool]int{true: 0, false: 1}[m.state == management.Active] }
			first = cmp.Or(cmp.Compare(rank(a), rank(b)), b.active().Compare(a.active()))
		}
		return cmp.Or(first, cmp.Compare(b.id, a.id))
	})
	return want
}

func same(got management.Listed, want on) bool {
	return got.ID == want.id && got.Room == want.room && got.Owner == want.owner && got.HostName == want.host && got.State == want.state &&
		got.Created.Equal(want.created) && got.Started.Equal(want.started) && got.Ended.Equal(want.ended) &&
		got.Present == want.present && got.Waiting == want.waiting &&
		got.LastJoined.Equal(want.admitted) && got.LastActive.Equal(want.active())
}
