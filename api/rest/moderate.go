package rest

import "parley/api/management"

// Someone names a participant.
type Someone struct {
	User string `json:"user_id" minLength:"1" maxLength:"255"`
}

func (a *API) participants(r request, _ nothing) ([]Person, error) {
	all, err := a.Meetings.Participants(r.Context(), r.by, r.room)
	return people(all), err
}

func (a *API) waiting(r request, _ nothing) (waitingPeople, error) {
	all, err := a.Meetings.Waiting(r.Context(), r.by, r.room)
	return waitingPeople{r.room, people(all)}, err
}

func (a *API) admit(r request, in Someone) (Person, error) {
	p, err := a.Meetings.Admit(r.Context(), r.by, r.room, in.User)
	return personOf(p), err
}

func (a *API) reject(r request, in Someone) (Person, error) {
	p, err := a.Meetings.Reject(r.Context(), r.by, r.room, in.User)
	return personOf(p), err
}

func (a *API) admitAll(r request, _ nothing) (admittedPeople, error) {
	all, err := a.Meetings.AdmitAll(r.Context(), r.by, r.room)
	return admittedPeople{len(all), people(all)}, err
}

type kickRequest struct {
	Someone
	Ban bool `json:"ban,omitempty" doc:"They cannot ask to come in again, until the ban is lifted."`
}

func (a *API) kick(r request, in kickRequest) (nothing, error) {
	return nothing{}, a.Meetings.Kick(r.Context(), r.by, r.room, in.User, in.Ban)
}

func (a *API) unban(r request, in Someone) (nothing, error) {
	return nothing{}, a.Meetings.Unban(r.Context(), r.by, r.room, in.User)
}

// grantHost returns an answer that shares the host role or hands it over.
func (a *API) grantHost(handOver bool) func(request, Someone) (nothing, error) {
	return func(r request, in Someone) (nothing, error) {
		return nothing{}, a.Meetings.GrantHost(r.Context(), r.by, r.room, in.User, handOver)
	}
}

func (a *API) revokeHost(r request, in Someone) (nothing, error) {
	return nothing{}, a.Meetings.RevokeHost(r.Context(), r.by, r.room, in.User)
}

// silence returns an answer that does act to one participant.
func (a *API) silence(act management.Act) func(request, Someone) (nothing, error) {
	return func(r request, in Someone) (nothing, error) {
		if in.User == "" { // which is everybody to the rules
			return nothing{}, invalidField("user_id", "is missing")
		}
		return nothing{}, a.Meetings.Silence(r.Context(), r.by, r.room, in.User, act)
	}
}

// silenceAll returns an answer that does act to everybody but the caller.
func (a *API) silenceAll(act management.Act) func(request, nothing) (nothing, error) {
	return func(r request, _ nothing) (nothing, error) {
		return nothing{}, a.Meetings.Silence(r.Context(), r.by, r.room, "", act)
	}
}
