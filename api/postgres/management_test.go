package postgres_test

import (
	"testing"
	"time"

	"parley/api/management"
	"parley/api/postgres/postgrestest"
)

func TestListsHaveTheirOrderTotalsAndSearch(t *testing.T) {
	store := open(t, postgrestest.URL(t))
	at := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	for i, room := range []string{"a_b", "axb", "other"} {
		m, err := store.CreateMeeting(t.Context(), management.Meeting{
			Room: room, State: management.Idle, Owner: "ada", Attendees: []string{"bob"},
			Created: at.Add(time.Duration(i) * time.Minute), Started: at,
		}, "")
		if err != nil || m.ID == 0 {
			t.Fatal(m, err)
		}
	}
	for _, c := range []struct {
		query management.Query
		rooms []string
		total int
	}{
		{management.Query{User: "ada", Scope: management.Owned, Limit: 2}, []string{"other", "axb"}, 3},
		{management.Query{User: "ada", Scope: management.Owned, Limit: 2, Offset: 2}, []string{"a_b"}, 3},
		{management.Query{User: "ada", Scope: management.Owned, Limit: 2, Offset: 9}, nil, 3},
		{management.Query{User: "ada", Scope: management.Owned, Limit: 9, Search: "A_B"}, []string{"a_b"}, 1},
		{management.Query{User: "bob", Scope: management.Owned, Limit: 9}, nil, 0},
		{management.Query{User: "bob", Scope: management.Joined, Limit: 9}, nil, 0},
		{management.Query{User: "ada", Scope: management.Feed, Limit: 1}, []string{"other"}, 3},
		{management.Query{User: "bob", Scope: management.All, Limit: 9}, []string{"other", "axb", "a_b"}, 3},
	} {
		page, err := store.ListMeetings(t.Context(), c.query)
		if err != nil {
			t.Fatal(err)
		}
		var rooms []string
		for _, m := range page.Meetings {
			rooms = append(rooms, m.Room)
		}
		if page.Total != c.total || len(rooms) != len(c.rooms) {
			t.Errorf("%+v: %v of %d", c.query, rooms, page.Total)
			continue
		}
		for i := range rooms {
			if rooms[i] != c.rooms[i] {
				t.Errorf("%+v: %v", c.query, rooms)
			}
		}
	}
	related, err := store.Related(t.Context(), "other")
	if err != nil || len(related) != 2 {
		t.Errorf("related: %v, %v", related, err)
	}
}
