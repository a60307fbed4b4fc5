package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/api/management"
	"parley/api/media"
)

// moderation refuses everything with a code, or does it, and notes what it was asked.
type moderation struct {
	code  management.Code
	err   error
	asked []string
}

func (m *moderation) answer(by management.Caller, what string) error {
	m.asked = append(m.asked, by.User+" "+what)
	if !by.Admin {
		return errors.New("not as an admin")
	}
	if m.code != "" {
		return &management.Refusal{Code: m.code, Message: "no"}
	}
	return m.err
}

func (m *moderation) End(_ context.Context, by management.Caller, room string) (management.Meeting, error) {
	return management.Meeting{}, m.answer(by, "ends "+room)
}

func (m *moderation) Kick(_ context.Context, by management.Caller, room, user string, ban bool) error {
	return m.answer(by, fmt.Sprintf("kicks %s from %s, ban %v", user, room, ban))
}

// rooms notes what it is told.
type rooms []string

func (r *rooms) Tell(_ context.Context, room string, e management.Event) error {
	*r = append(*r, fmt.Sprintf("tell %s: %s %s", room, e.Act, e.Target))
	return nil
}

func (r *rooms) Remove(_ context.Context, room, user string, why management.Code) error {
	*r = append(*r, fmt.Sprintf("remove %q from %s: %s", user, room, why))
	return nil
}

func (r *rooms) Changed(context.Context, string) error { return nil }

func TestAdminsEndMeetingsAndRemovePeople(t *testing.T) {
	const end, remove = "/api/v1/admin/meetings/standup/end", "/api/v1/admin/meetings/standup/remove"
	here := media.Member{Room: "standup", User: "ada"}
	for _, c := range []struct {
		what         string
		target, body string
		code         management.Code
		live         []media.Member
		status       int
		acts         []string
	}{
		{"on record", end, "", "", nil, 200, nil},
		{"on record", remove, `{"user_id":"ada"}`, "", nil, 200, nil},
		{"nothing there", end, "", management.MeetingNotFound, nil, 404, nil},
		{"nobody there", remove, `{"user_id":"ada"}`, management.ParticipantNotFound, nil, 404, nil},
		{"another is there", remove, `{"user_id":"bob"}`, management.ParticipantNotFound, []media.Member{here}, 404, nil},
		{"off the record", end, "", management.MeetingNotFound, []media.Member{here}, 200,
			[]string{`remove "" from standup: MEETING_NOT_ACTIVE`, "tell standup: ended "}},
		{"off the record", remove, `{"user_id":"ada"}`, management.MeetingNotFound, []media.Member{here}, 200,
			[]string{`remove "ada" from standup: REMOVED`, "tell standup: kicked ada"}},
		{"themselves", remove, `{"user_id":"ada"}`, management.BadRequest, []media.Member{here}, 400, nil},
		{"nobody named", remove, `{}`, "", nil, 400, nil},
	} {
		a, _ := newAdminAPI(t, c.live...)
		acts := rooms{}
		asked := &moderation{code: c.code}
		a.Admin.Meetings, a.Admin.Rooms = asked, &acts
		w := asRoot(t, a, "POST", c.target, c.body)
		if w.Code != c.status || !slices.Equal(acts, c.acts) {
			t.Errorf("%s %s: %d %s, %q", c.what, c.target, w.Code, w.Body, acts)
		}
		for _, by := range asked.asked {
			if !strings.HasPrefix(by, "root@example.org ") || strings.HasSuffix(by, "true") {
				t.Errorf("%s: %s", c.target, by)
			}
		}
		if n := len(asked.asked); n > 1 || n == 0 && c.what != "nobody named" {
			t.Errorf("%s %s: asked %q", c.what, c.target, asked.asked)
		}
	}
}
