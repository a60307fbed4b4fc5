package management_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/management"
)

const (
	guestInside = management.GuestPrefix + "11111111-1111-4111-8111-111111111111"
	guestCaller = management.GuestPrefix + "22222222-2222-4222-8222-222222222222"
)

// role is who calls, and the row that makes them what they are; without a status they have
// none.
type role struct {
	name string
	management.Caller
	user         string
	status       management.Status
	host, banned bool
}

func somebody(name, user string, s management.Status) role {
	return role{name: name, Caller: caller(user), user: user, status: s}
}

var roles = func() []role {
	all := []role{
		somebody("stranger", "sam", ""),
		somebody("invited", "ivy", ""), // on the list of attendees
		somebody("waiting", "wes", management.Waiting),
		somebody("rejected", "ray", management.Rejected),
		somebody("kicked", "kim", management.Kicked),
		somebody("banned", "bob", management.Kicked),
		somebody("left", "lee", management.Left),
		somebody("guest inside", guestCaller, management.Admitted),
		somebody("admitted", "amy", management.Admitted),
		somebody("host by grant", "gus", management.Admitted),
		somebody("owner inside", "ada", management.Admitted),
		somebody("owner outside", "ada", management.Left),
		somebody("admin", "root", ""),
	}
	for i := range all {
		r := &all[i]
		r.banned = r.name == "banned"
		r.host = r.name == "host by grant" || r.user == "ada"
		r.Guest = r.user == guestCaller
		r.Admin = r.name == "admin"
	}
	return all
}()

// others are in every meeting, beside its owner.
var others = []role{
	{user: "tom", status: management.Admitted},
	{user: "hal", status: management.Admitted, host: true},
	{user: guestInside, Caller: management.Caller{Guest: true}, status: management.Admitted},
	{user: "wim", status: management.Waiting},
	{user: "ben", status: management.Kicked, banned: true},
}

// state is what a meeting is in, and how it got there.
type state struct {
	name                               string
	state                              management.State // "" is no meeting
	waitingRoom, locked, attendeesOnly bool
	ended                              time.Duration // ago
	declared                           bool          // somebody ended it
	deleted                            bool
}

var states = []state{
	{name: "none"},
	{name: "idle", state: management.Idle},
	{name: "active", state: management.Active},
	{name: "with waiting room", state: management.Active, waitingRoom: true},
	{name: "locked", state: management.Active, locked: true},
	{name: "attendees only", state: management.Active, attendeesOnly: true},
	{name: "ended", state: management.Ended, ended: time.Minute, declared: true},
	// Time for the test to run before those within management.Return are too late.
	{name: "just ended by itself", state: management.Ended, ended: -time.Hour},
	{name: "ended by itself", state: management.Ended, ended: time.Hour},
	{name: "deleted", state: management.Ended, ended: time.Minute, declared: true, deleted: true},
}

// furnish makes the room of each cell. Nobody has a row in a meeting that never began, and
// those who were in one that somebody ended have left it.
func furnish(h *house, cells []*cell) {
	h.t.Helper()
	now := time.Now().Truncate(time.Microsecond)
	var meetings, people [][]any
	for i, c := range cells {
		s, id := c.state, i+1
		if s.state == "" {
			continue
		}
		var ended, deleted, endedBy any
		if s.state == management.Ended {
			ended = now.Add(-s.ended)
		}
		if s.declared {
			endedBy = "ada"
		}
		if s.deleted {
			deleted = ended
		}
		began := now.Add(-2 * time.Hour)
		meetings = append(meetings, []any{
			id, c.room, s.state, "ada", "Ada", []string{"ivy"}, s.waitingRoom, true,
			s.locked, s.attendeesOnly, began, began, ended, endedBy, deleted,
		})
		if s.state == management.Idle {
			continue
		}
		in := append([]role{c.role}, others...)
		if c.role.user != "ada" {
			in = append(in, role{user: "ada", status: management.Admitted, host: true})
		}
		for _, r := range in {
			if r.status != "" {
				people = append(people, row(id, r, s, began, ended))
			}
		}
	}
	h.copy("meetings", []string{
		"id", "room_id", "state", "creator_id", "host_display_name", "attendees", "waiting_room_enabled", "allow_guests",
		"locked", "attendees_only", "created_at", "started_at", "ended_at", "ended_by", "deleted_at",
	}, meetings)
	h.copy("meeting_participants", []string{
		"meeting_id", "user_id", "status", "is_host", "is_guest", "banned", "joined_at", "admitted_at", "left_at",
	}, people)
	h.exec(`select setval('meetings_id_seq', $1)`, len(cells)+1)
}

func row(meeting int, r role, s state, began time.Time, ended any) []any {
	status, admitted, left := r.status, any(nil), any(nil)
	if status == management.Admitted || status == management.Kicked || status == management.Left {
		admitted = began
	}
	if status == management.Kicked || status == management.Left {
		left = began.Add(time.Minute)
	} else if status == management.Admitted {
		left = ended
	}
	if s.declared && (status == management.Admitted || status == management.Waiting) {
		status, left = management.Left, ended
	}
	return []any{meeting, r.user, status, r.host, r.Guest, r.banned, began, admitted, left}
}

func (h *house) copy(table string, columns []string, rows [][]any) {
	h.t.Helper()
	if _, err := h.rows.CopyFrom(h.t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(rows)); err != nil {
		h.t.Fatal(err)
	}
}

// scene is what the rows say of a room: of its meeting under "", of people under their name.
type scene map[string][]string

// look reads all rooms.
func look(h *house) map[string]scene {
	h.t.Helper()
	rooms := map[string]scene{}
	note := func(room, who string, facts ...string) {
		if rooms[room] == nil {
			rooms[room] = scene{}
		}
		rooms[room][who] = slices.DeleteFunc(facts, func(s string) bool { return s == "" })
	}
	var room, who string
	facts := make([]string, 4)
	into := func(more ...*string) (to []any) {
		for _, p := range append([]*string{&room, &who}, more...) {
			to = append(to, p)
		}
		return to
	}
	rows, _ := h.rows.Query(h.t.Context(), `
		select room_id, '', state, case when ended_by <> 'ada' then 'by ' || ended_by else '' end,
			concat_ws('/', case when waiting_room_enabled then 'waiting room' end, case when locked then 'locked' end),
			case when creator_id <> 'ada' then 'owned by ' || creator_id else '' end
		from meetings where deleted_at is null`)
	_, err := pgx.ForEachRow(rows, into(&facts[0], &facts[1], &facts[2], &facts[3]), func() error {
		note(room, who, slices.Clone(facts)...)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	rows, _ = h.rows.Query(h.t.Context(), `
		select m.room_id, p.user_id, p.status || case when p.status = 'admitted' and p.left_at is not null then ' but away' else '' end,
			case when p.is_host and p.status = 'admitted' then 'host' else '' end, case when p.banned then 'banned' else '' end,
			case when p.display_name = 'Somebody Else' then 'renamed' else '' end
		from meeting_participants p join meetings m on m.id = p.meeting_id where m.deleted_at is null`)
	_, err = pgx.ForEachRow(rows, into(&facts[0], &facts[1], &facts[2], &facts[3]), func() error {
		note(room, who, slices.Clone(facts)...)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return rooms
}

// difference tells what became of a room: "meeting ended", "tom kicked", "me admitted host".
func difference(me string, before, after scene) []string {
	if after == nil && before != nil {
		return []string{"meeting deleted"}
	}
	var changes []string
	for who, facts := range after {
		if was, known := before[who]; known && slices.Equal(was, facts) {
			continue
		}
		name := who
		switch who {
		case "":
			name = "meeting"
		case me:
			name = "me"
		case guestInside:
			name = "guest"
		}
		for _, f := range facts {
			if f == "owned by "+me {
				f = "owned by me"
			}
			name += " " + f
		}
		changes = append(changes, name)
	}
	for who := range before {
		if _, still := after[who]; !still {
			changes = append(changes, fmt.Sprintf("%s is lost", who))
		}
	}
	slices.Sort(changes)
	return changes
}
