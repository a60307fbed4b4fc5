package rest

import "parley/api/management"

// someone names a participant.
type someone struct {
	User string `json:"user_id"`
}

func (a *API) participants(r request, _ nothing) (any, error) {
	all, err := a.Meetings.Participants(r.Context(), r.by, r.room)
	return statuses(all), err
}

func (a *API) waiting(r request, _ nothing) (any, error) {
	all, err := a.Meetings.Waiting(r.Context(), r.by, r.room)
	return struct {
		Room    string        `json:"meeting_id"`
		Waiting []participant `json:"waiting"`
	}{r.room, statuses(all)}, err
}

func (a *API) admit(r request, in someone) (any, error) {
	p, err := a.Meetings.Admit(r.Context(), r.by, r.room, in.User)
	return statusOf(p), err
}

func (a *API) reject(r request, in someone) (any, error) {
	p, err := a.Meetings.Reject(r.Context(), r.by, r.room, in.User)
	return statusOf(p), err
}

func (a *API) admitAll(r request, _ nothing) (any, error) {
	all, err := a.Meetings.AdmitAll(r.Context(), r.by, r.room)
	return struct {
		Count    int           `json:"admitted_count"`
		Admitted []participant `json:"admitted"`
	}{len(all), statuses(all)}, err
}

type kickRequest struct {
	someone
	Ban bool `json:"ban"`
}

func (a *API) kick(r request, in kickRequest) (any, error) {
	return nil, a.Meetings.Kick(r.Context(), r.by, r.room, in.User, in.Ban)
}

func (a *API) unban(r request, in someone) (any, error) {
	return nil, a.Meetings.Unban(r.Context(), r.by, r.room, in.User)
}

func (a *API) grantHost(handOver bool) func(request, someone) (any, error) {
	return func(r request, in someone) (any, error) {
		return nil, a.Meetings.GrantHost(r.Context(), r.by, r.room, in.User, handOver)
	}
}

func (a *API) revokeHost(r request, in someone) (any, error) {
	return nil, a.Meetings.RevokeHost(r.Context(), r.by, r.room, in.User)
}

func (a *API) silence(act management.Act) func(request, someone) (any, error) {
	return func(r request, in someone) (any, error) {
		if in.User == "" {
			return nil, invalidField("user_id", "it must not be empty")
		}
		return nil, a.Meetings.Silence(r.Context(), r.by, r.room, in.User, act)
	}
}

func (a *API) silenceAll(act management.Act) func(request, nothing) (any, error) {
	return func(r request, _ nothing) (any, error) {
		return nil, a.Meetings.Silence(r.Context(), r.by, r.room, "", act)
	}
}
