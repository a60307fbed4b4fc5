package management_test

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"parley/api/management"
)

// transitions are the ways of a participant that are documented, in protocol.md 6.7 and in
// the package comment. "" is nobody.
var transitions = map[management.Status][]management.Status{
	"":                  {management.Waiting, management.Admitted},
	management.Waiting:  {management.Admitted, management.Rejected, management.Left, management.Kicked},
	management.Admitted: {management.Left, management.Kicked},
	management.Rejected: {management.Waiting, management.Kicked},
	management.Kicked:   {management.Waiting},
	management.Left:     {management.Waiting, management.Admitted, management.Kicked},
}

// compare holds the rows to the model, and both to what is always so.
func (k *machine) compare(r *rapid.T) {
	m, _, err := k.Get(k.t.Context(), management.Caller{Admin: true}, k.room)
	if k.model.meeting == nil {
		same(r, "get", err, management.MeetingNotFound)
		clear(k.last)
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	if m.ID != k.id {
		clear(k.last)
		k.id = m.ID
	}
	k.compareMeeting(r, m)
	people := k.people(r, m)
	waiting := 0
	for who, p := range people {
		if p.Status == management.Waiting {
			waiting++
		}
		k.compareStep(r, m, who, p)
	}
	if m.Present != k.present() || m.Waiting != waiting || len(people) != len(k.model.meeting.people) {
		r.Fatalf("%d present, %d waiting, %d rows; want %d, %d, %d", m.Present, m.Waiting, len(people),
			k.present(), waiting, len(k.model.meeting.people))
	}
}

func (k *machine) compareMeeting(r *rapid.T, m management.Meeting) {
	g := k.model.meeting
	got := modelMeeting{state: m.State, owner: m.Owner, endedBy: m.EndedBy, options: m.Options}
	want := modelMeeting{state: g.state, owner: g.owner, endedBy: g.endedBy, options: g.options}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(modelMeeting{})); diff != "" {
		r.Fatalf("the meeting (-model +rows):\n%s", diff)
	}
	now := time.Now()
	switch {
	case m.State == management.Active && m.Owner == "":
		r.Fatal("nobody owns a meeting that runs")
	case (m.State == management.Ended) == m.Ended.IsZero():
		r.Fatalf("%s, and ended at %v", m.State, m.Ended)
	case m.EndedBy != "" && m.State != management.Ended:
		r.Fatalf("%s, and ended by %s", m.State, m.EndedBy)
	case m.Started.Before(m.Created) || m.Started.After(now):
		r.Fatalf("created at %v, started at %v", m.Created, m.Started)
	case !m.Ended.IsZero() && (m.Ended.Before(m.Started) || m.Ended.After(now)):
		r.Fatalf("started at %v, ended at %v", m.Started, m.Ended)
	case m.EndedBy != "" && m.Present+m.Waiting > 0:
		r.Fatalf("%d are present and %d wait for what %s ended", m.Present, m.Waiting, m.EndedBy)
	}
}

// people reads all rows.
func (k *machine) people(r *rapid.T, m management.Meeting) map[string]management.Participant {
	all := map[string]management.Participant{}
	rows, _ := k.rows.Query(k.t.Context(), `
		select user_id, status, is_host, is_guest, banned, coalesce(admitted_at, '0001-01-01 UTC'), coalesce(left_at, '0001-01-01 UTC')
		from meeting_participants where meeting_id = $1`, m.ID)
	var p management.Participant
	_, err := pgx.ForEachRow(rows, []any{&p.User, &p.Status, &p.Host, &p.Guest, &p.Banned, &p.Admitted, &p.Left}, func() error {
		p.Admitted, p.Left = p.Admitted.UTC(), p.Left.UTC()
		all[p.User] = p
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return all
}

// compareStep holds one participant to the model and to the transitions.
func (k *machine) compareStep(r *rapid.T, m management.Meeting, who string, p management.Participant) {
	want := k.model.meeting.people[who]
	if want == nil {
		r.Fatalf("%s has a row and ought not to", who)
	}
	away := want.away && (p.Status == management.Admitted || p.Status == management.Left || p.Status == management.Kicked)
	got := modelPerson{p.Status, p.Host, p.Banned, away && !p.Left.IsZero()}
	if diff := cmp.Diff(modelPerson{want.status, want.host, want.banned, away}, got, cmp.AllowUnexported(modelPerson{})); diff != "" {
		r.Fatalf("%s (-model +row):\n%s", who, diff)
	}
	was := k.last[who]
	allowed := was == p.Status
	for _, s := range transitions[was] {
		allowed = allowed || s == p.Status
	}
	// The owner comes in at once, whatever became of them before.
	if !allowed && !(who == m.Owner && p.Status == management.Admitted) {
		r.Fatalf("%s was %q and is %s", who, was, p.Status)
	}
	k.last[who] = p.Status
	switch {
	case p.Status == management.Admitted && p.Admitted.IsZero():
		r.Fatalf("%s is admitted and never was", who)
	case p.Status == management.Waiting && (!p.Admitted.IsZero() || !p.Left.IsZero() || p.Host):
		r.Fatalf("%s waits: %+v", who, p)
	case p.Banned && p.Status != management.Kicked:
		r.Fatalf("%s is banned and %s", who, p.Status)
	case p.Guest && p.Host:
		r.Fatalf("%s is a guest and host", who)
	}
	if p.Banned && who != m.Owner {
		for _, observer := range []bool{false, true} {
			if err := k.Entry(k.t.Context(), k.room, who, observer, time.Now()); err == nil {
				r.Fatalf("%s is banned and may enter (observer: %v)", who, observer)
			}
		}
	}
}
