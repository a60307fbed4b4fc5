package management_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/api/management"
	"parley/api/meeting"
)

// cast is everybody of the model: the first creates most meetings, one is a guest, one an admin.
var cast = []management.Caller{
	{User: "ada"}, {User: "bob"}, {User: "cyd"}, {User: guestCaller, Guest: true}, {User: "root", Admin: true},
}

// machine is a room in the database beside its model.
type machine struct {
	*house
	*model
	room     string
	sessions []meeting.Attendance
	of       map[uint64]*modelMeeting     // that each session entered
	last     map[string]management.Status // of the participant, for the transitions
	id       int64                        // of the meeting that last is about
}

func TestMeetingsBehaveLikeTheirModel(t *testing.T) {
	free := func(room string) bool { return strings.HasPrefix(room, "free-") }
	h := newHouse(t, management.Settings{Guests: always, StartWithoutHost: free})
	rooms := 0
	rapid.Check(t, func(r *rapid.T) {
		rooms++
		k := &machine{
			house: h, room: fmt.Sprintf("room-%d", rooms), of: map[uint64]*modelMeeting{}, last: map[string]management.Status{},
			model: &model{open: map[string]int{}, here: map[string]bool{}},
		}
		if k.free = rapid.Bool().Draw(r, "others may start it"); k.free {
			k.room = "free-" + k.room
		}
		if rapid.IntRange(0, 4).Draw(r, "ada begins") > 0 {
			k.joinBy(r, cast[0])
			k.changeBy(r, cast[0])
		}
		r.Repeat(map[string]func(*rapid.T){
			"": k.compare,
			"create": func(r *rapid.T) {
				by := who(r, "by")
				_, err := h.Create(t.Context(), by, management.Draft{Room: k.room})
				same(r, "create", err, k.create(by))
			},
			"join": k.joins, "join of another": k.joins, "join of a third": k.joins, // most of what happens
			"connect": k.connects, "another connects": k.connects,
			"leave": func(r *rapid.T) {
				by := who(r, "by")
				_, err := h.Leave(t.Context(), by, k.room)
				same(r, "leave", err, k.leave(by))
			},
			"admit": func(r *rapid.T) {
				by, user := power(r), who(r, "user")
				_, err := h.Admit(t.Context(), by, k.room, user.User)
				same(r, "admit", err, k.decide(by, user.User, management.Admitted))
			},
			"reject": func(r *rapid.T) {
				by, user := power(r), who(r, "user")
				_, err := h.Reject(t.Context(), by, k.room, user.User)
				same(r, "reject", err, k.decide(by, user.User, management.Rejected))
			},
			"kick": func(r *rapid.T) {
				by, user, ban := power(r), who(r, "user"), rapid.Bool().Draw(r, "ban")
				err := h.Kick(t.Context(), by, k.room, user.User, ban)
				same(r, "kick", err, k.kick(by, user.User, ban))
			},
			"unban": func(r *rapid.T) {
				by, user := power(r), who(r, "user")
				same(r, "unban", h.Unban(t.Context(), by, k.room, user.User), k.unban(by, user.User))
			},
			"grant": func(r *rapid.T) {
				by, user, over := power(r), who(r, "user"), rapid.Bool().Draw(r, "hand over")
				err := h.GrantHost(t.Context(), by, k.room, user.User, over)
				same(r, "grant", err, k.grant(by, user.User, user.Guest, over))
			},
			"revoke": func(r *rapid.T) {
				by, user := power(r), who(r, "user")
				same(r, "revoke", h.RevokeHost(t.Context(), by, k.room, user.User), k.revoke(by, user.User))
			},
			"change": k.changes,
			"end": func(r *rapid.T) {
				by := power(r)
				if !seldom(r) {
					return
				}
				_, err := h.End(t.Context(), by, k.room)
				same(r, "end", err, k.end(by))
			},
			"delete": func(r *rapid.T) {
				by := power(r)
				if !seldom(r) {
					return
				}
				same(r, "delete", h.Delete(t.Context(), by, k.room), k.remove(by))
			},
			"slip in":    k.slips,
			"disconnect": k.disconnects, "another disconnects": k.disconnects,
			"enforce": k.enforces,
			"time passes": func(r *rapid.T) {
				h.passes(k.room, management.Return+time.Second)
				if k.model.meeting != nil {
					k.model.meeting.late = k.model.meeting.state == management.Ended
				}
			},
		})
	})
}

// power is somebody who likely may.
func power(r *rapid.T) management.Caller {
	if rapid.Bool().Draw(r, "likely") {
		return rapid.SampledFrom([]management.Caller{cast[0], cast[4]}).Draw(r, "by")
	}
	return who(r, "by")
}

// seldom keeps what begins everything anew from happening often.
func seldom(r *rapid.T) bool { return rapid.IntRange(0, 3).Draw(r, "seldom") == 0 }

func who(r *rapid.T, label string) management.Caller { return rapid.SampledFrom(cast).Draw(r, label) }

func codeOf(err error) management.Code {
	if refusal, is := errors.AsType[*management.Refusal](err); is {
		return refusal.Code
	}
	return ok
}

func same(r *rapid.T, what string, err error, want management.Code) {
	r.Helper()
	if err != nil && !refused(err) {
		r.Fatalf("%s: %v", what, err)
	}
	if got := codeOf(err); got != want {
		r.Fatalf("%s: %q, the model says %q", what, got, want)
	}
}

// joins checks that the answer is the model's, and that Entry agrees with it.
func (k *machine) joins(r *rapid.T) { k.joinBy(r, who(r, "by")) }

func (k *machine) joinBy(r *rapid.T, by management.Caller) {
	a, err := k.Join(k.t.Context(), by, k.room, management.Request{})
	status, code := k.join(by)
	same(r, "join", err, code)
	if a.Status != status {
		r.Fatalf("%s joins: %s, the model says %s", by.User, a.Status, status)
	}
	enter := k.Entry(k.t.Context(), k.room, by.User, false, time.Now())
	wait := k.Entry(k.t.Context(), k.room, by.User, true, time.Now())
	switch {
	case code == management.Banned && (enter == nil || wait == nil && k.model.meeting.state == management.Active):
		r.Fatalf("%s is banned and may enter: %v, may wait: %v", by.User, enter, wait)
	case status == management.Admitted && enter != nil:
		r.Fatalf("%s is admitted and may not enter: %v", by.User, enter)
	case status == management.Waiting && enter == nil:
		r.Fatalf("%s waits and may enter", by.User)
	case status != "" && status != management.Admitted && wait != nil:
		r.Fatalf("%s may not wait, which Join said: %v", by.User, wait)
	}
}

func (k *machine) changes(r *rapid.T) {
	k.changeBy(r, power(r))
}

func (k *machine) changeBy(r *rapid.T, by management.Caller) {
	var to management.Options
	if k.model.meeting != nil {
		to = k.model.meeting.options
	}
	var p management.Patch
	set := func(name string, option *bool, patch **bool) {
		if rapid.IntRange(0, 3).Draw(r, name) == 0 {
			*option = !*option
			v := *option
			*patch = &v
		}
	}
	set("waiting room", &to.WaitingRoom, &p.WaitingRoom)
	set("admitted can admit", &to.AdmittedCanAdmit, &p.AdmittedCanAdmit)
	set("end on host leave", &to.EndOnHostLeave, &p.EndOnHostLeave)
	set("allow guests", &to.AllowGuests, &p.AllowGuests)
	set("attendees only", &to.AttendeesOnly, &p.AttendeesOnly)
	set("locked", &to.Locked, &p.Locked)
	_, err := k.Change(k.t.Context(), by, k.room, p)
	same(r, "change", err, k.change(by, to))
}

// connects opens a session of somebody whose room token is accepted.
func (k *machine) connects(r *rapid.T) {
	by := who(r, "by")
	if k.model.meeting == nil || !k.inside(by.User) {
		return // a skip would soon end the run
	}
	err := k.Entry(k.t.Context(), k.room, by.User, false, time.Now())
	if (err == nil) != k.runs(by.User) {
		r.Fatalf("%s may enter: %v, the model says %v", by.User, err, k.runs(by.User))
	}
	if err != nil {
		return
	}
	k.opens(by.User)
}

// slips opens a session of anybody, whose token was accepted before something happened.
func (k *machine) slips(r *rapid.T) {
	if by := who(r, "by"); k.model.meeting != nil {
		k.opens(by.User)
	}
}

func (k *machine) opens(user string) {
	k.enters(user)
	a := k.connect(user, k.room)
	k.sessions, k.of[a.Session] = append(k.sessions, a), k.model.meeting
}

func (k *machine) disconnects(r *rapid.T) {
	if len(k.sessions) == 0 {
		return
	}
	k.close(rapid.IntRange(0, len(k.sessions)-1).Draw(r, "session"), rapid.Bool().Draw(r, "operator"))
}

func (k *machine) close(i int, hostEnds bool) {
	a := k.sessions[i]
	k.sessions = append(k.sessions[:i:i], k.sessions[i+1:]...)
	k.disconnect(a, hostEnds)
	k.exits(a.User, hostEnds, k.of[a.Session] != k.model.meeting)
}

// enforces ends the sessions that are against the record, and no others.
func (k *machine) enforces(r *rapid.T) {
	for i := len(k.sessions) - 1; i >= 0; i-- {
		a := k.sessions[i]
		m := management.New(k.store, &recorder{}, management.Settings{Guests: always}, k.log)
		c := management.Connected{Room: k.room, User: a.User, Since: time.Now()}
		refused, err := m.Against(k.t.Context(), []management.Connected{c})
		if err != nil {
			r.Fatal(err)
		}
		against := k.model.meeting != nil && (k.model.meeting.people[a.User] == nil && k.model.meeting.endedBy != "" ||
			k.model.meeting.people[a.User] != nil && !(k.inside(a.User) && (k.runs(a.User) || k.model.meeting.state == management.Idle)))
		if got := refused[0] != nil; got != against {
			r.Fatalf("%s is put out: %v, the model says %v", a.User, got, against)
		}
		if against {
			k.close(i, false)
		}
	}
}

// passes makes everything of a room older.
func (h *house) passes(room string, d time.Duration) {
	h.t.Helper()
	by := fmt.Sprintf("%d seconds", int(d.Seconds()))
	h.exec(`update meetings set created_at = created_at - $2::interval, started_at = started_at - $2::interval,
		ended_at = ended_at - $2::interval, deleted_at = deleted_at - $2::interval where room_id = $1`, room, by)
	h.exec(`update meeting_participants p set joined_at = joined_at - $2::interval, admitted_at = admitted_at - $2::interval,
		left_at = left_at - $2::interval from meetings m where m.id = p.meeting_id and m.room_id = $1`, room, by)
	h.exec(`update sessions set entered_at = entered_at - $2::interval, left_at = left_at - $2::interval where room_id = $1`, room, by)
}
