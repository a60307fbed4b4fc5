package rest

import (
	"net/http"
	"strings"

	"parley/api/management"
)

type joinRequest struct {
	DisplayName string `json:"display_name"`
	Password    string `json:"password"`
}

func (a *API) join(r request, in joinRequest) (any, error) {
	answer, err := a.Meetings.Join(r.Context(), r.by, r.room, management.Request(in))
	if err != nil {
		return nil, err
	}
	return a.standing(r.by, r.room, answer)
}

func (a *API) leave(r request, _ nothing) (any, error) {
	answer, err := a.Meetings.Leave(r.Context(), r.by, r.room)
	return statusOf(answer.Participant), err
}

func (a *API) status(r request, _ nothing) (any, error) {
	answer, err := a.Meetings.Status(r.Context(), r.by, r.room)
	if err != nil {
		return nil, err
	}
	return a.standing(r.by, r.room, answer)
}

type renameRequest struct {
	DisplayName string `json:"display_name"`
	User        string `json:"user_id"` // of another, for hosts
}

func (a *API) rename(r request, in renameRequest) (any, error) {
	answer, err := a.Meetings.Rename(r.Context(), r.by, r.room, in.User, in.DisplayName)
	if err != nil {
		return nil, err
	}
	if in.User != "" && in.User != r.by.User {
		return statusOf(answer.Participant), nil // their tokens are theirs
	}
	return a.standing(r.by, r.room, answer)
}

// guestInfo is all that a stranger learns about a meeting.
type guestInfo struct {
	Room        string `json:"meeting_id"`
	State       string `json:"state"`
	AllowGuests bool   `json:"allow_guests"`
	WaitingRoom bool   `json:"waiting_room_enabled"`
	HasPassword bool   `json:"has_password"`
	HostName    string `json:"host_display_name,omitempty"`
}

func (a *API) guestInfo(_ http.ResponseWriter, r *http.Request) (any, error) {
	m, err := a.Meetings.ForGuests(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return guestInfo{m.Room, string(m.State), true, m.WaitingRoom, m.HasPassword, m.HostName}, nil
}

func (a *API) joinGuest(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		joinRequest
		Before string `json:"guest_session_id"`
	}
	if err := readJSON(w, r, &in, false); err != nil {
		return nil, err
	}
	by, err := management.NewGuest(in.Before)
	if err != nil {
		return nil, err
	}
	if name, err := management.CleanName(in.DisplayName); err != nil {
		return nil, err
	} else if name == "" {
		return nil, invalidField("display_name", "a guest needs a name")
	}
	room := r.PathValue("id")
	answer, err := a.Meetings.Join(r.Context(), by, room, management.Request(in.joinRequest))
	if err != nil {
		return nil, err
	}
	return a.standing(by, room, answer)
}

// guest returns who shows the token of a guest in the meeting of r.
func (a *API) guest(r *http.Request) (management.Caller, string, error) {
	room := r.PathValue("id")
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, err := a.Tokens.CheckRoom(strings.TrimSpace(raw))
	if err != nil || !t.Guest || t.Room != room {
		return management.Caller{}, room, unauthorized("")
	}
	return management.Caller{User: t.User, Guest: true}, room, nil
}

func (a *API) guestStatus(_ http.ResponseWriter, r *http.Request) (any, error) {
	by, room, err := a.guest(r)
	if err != nil {
		return nil, err
	}
	answer, err := a.Meetings.Status(r.Context(), by, room)
	if err != nil {
		return nil, err
	}
	return a.standing(by, room, answer)
}

func (a *API) leaveGuest(_ http.ResponseWriter, r *http.Request) (any, error) {
	by, room, err := a.guest(r)
	if err != nil {
		return nil, err
	}
	answer, err := a.Meetings.Leave(r.Context(), by, room)
	return statusOf(answer.Participant), err
}
