package rest

import (
	"net/http"

	"parley/api/management"
	"parley/api/token"
)

// joinRequest may be missing altogether.
type joinRequest struct {
	DisplayName string `json:"display_name,omitempty" maxLength:"50" doc:"What to be called. The name one had before when left out."`
	Password    string `json:"password,omitempty" maxLength:"128" doc:"Of the meeting, when it has one and the caller is not in it already."`
}

func (joinRequest) mayBeMissing() {}

func (a *API) join(r request, in joinRequest) (standing, error) {
	return a.standing(r)(a.Meetings.Join(r.Context(), r.by, r.room, management.Request(in)))
}

func (a *API) leave(r request, _ nothing) (Person, error) {
	answer, err := a.Meetings.Leave(r.Context(), r.by, r.room)
	return personOf(answer.Participant), err
}

func (a *API) status(r request, _ nothing) (standing, error) {
	return a.standing(r)(a.Meetings.Status(r.Context(), r.by, r.room))
}

type renameRequest struct {
	DisplayName string `json:"display_name" minLength:"1" maxLength:"50"`
	User        string `json:"user_id,omitempty" doc:"Somebody else, for hosts; the caller when left out."`
}

// rename answers the caller with fresh tokens, for the name is in them.
func (a *API) rename(r request, in renameRequest) (standing, error) {
	answer, err := a.Meetings.Rename(r.Context(), r.by, r.room, in.User, in.DisplayName)
	if err == nil && answer.User != r.by.User {
		return a.standingOf(answer, r.by), nil
	}
	return a.standing(r)(answer, err)
}

// guestInfo tells a stranger whether to ask for a name or for a sign-in.
func (a *API) guestInfo(r request, _ nothing) (guestInfo, error) {
	m, err := a.Meetings.ForGuests(r.Context(), r.room)
	if refusedAs(err, management.GuestsNotAllowed) {
		return guestInfo{Room: r.room, Features: a.Features(r.room)}, nil
	}
	return guestInfo{true, m.Room, string(m.State), m.WaitingRoom, m.HasPassword, m.HostName, a.Features(r.room)}, err
}

type guestRequest struct {
	DisplayName string `json:"display_name" minLength:"1" maxLength:"50"`
	Password    string `json:"password,omitempty" maxLength:"128"`
	Before      string `json:"guest_session_id,omitempty" doc:"The user_id of an earlier answer, to be the same person again."`
}

func (a *API) joinGuest(r request, in guestRequest) (standing, error) {
	by, err := management.NewGuest(in.Before)
	if err != nil {
		return standing{}, err
	}
	if name, err := management.CleanName(in.DisplayName); err != nil {
		return standing{}, err
	} else if name == "" {
		return standing{}, invalidField("display_name", "is missing")
	}
	r.by = by
	return a.standing(r)(a.Meetings.Join(r.Context(), by, r.room, management.Request{DisplayName: in.DisplayName, Password: in.Password}))
}

// guest returns who shows the room or observer token of a guest in the meeting of r.
func (a *API) guest(r *http.Request) (management.Caller, error) {
	t, err := a.Tokens.CheckRoom(bearerOf(r))
	if err != nil || !t.Guest || t.Room != r.PathValue("id") || a.SignOuts.Has(t.Session) {
		return management.Caller{}, unauthorized("not the token of a guest in this meeting")
	}
	return management.Caller{User: t.User, Guest: true}, nil
}

// standing returns a function that makes what r's caller is told of an answer: with a room
// token inside, with an observer token in front. Guests have the latter always, for it is
// how they prove who they are.
func (a *API) standing(r request) func(management.Answer, error) (standing, error) {
	return func(answer management.Answer, err error) (standing, error) {
		if err != nil {
			return standing{}, err
		}
		s := a.standingOf(answer, r.by)
		t := token.Room{User: r.by.User, Room: r.room, DisplayName: s.DisplayName, Host: s.Host, Guest: r.by.Guest, Session: r.session}
		if t.DisplayName == "" {
			t.DisplayName = r.by.User
		}
		if answer.Status == management.Admitted {
			if s.RoomToken, err = a.Tokens.MintRoom(t, a.TokenTTL); err != nil {
				return standing{}, err
			}
		}
		if r.by.Guest || answer.Status == management.Waiting || answer.Status == management.WaitingForMeeting {
			t.Observer = true
			s.ObserverToken, err = a.Tokens.MintRoom(t, token.ObserverTTL)
		}
		return s, err
	}
}

func (a *API) standingOf(answer management.Answer, by management.Caller) standing {
	return standing{
		Person: personOf(answer.Participant), MeetingOptions: MeetingOptions(answer.Meeting.Options),
		HostName: answer.Meeting.HostName, HostUser: answer.Meeting.Owner, Owner: owns(by, answer.Meeting),
		Features: a.Features(answer.Meeting.Room),
	}
}
