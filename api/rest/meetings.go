package rest

import (
	"net/http"
	"time"

	"parley/api/management"
	"parley/api/token"
)

// meetingRoutes are those of the meetings API, below /api/v1/meetings.
func (a *API) meetingRoutes() {
	for pattern, f := range map[string]http.HandlerFunc{
		"POST /":         answerWith(a, http.StatusCreated, required, a.create),
		"GET /":          answerWith(a, http.StatusOK, none, a.list(management.Owned, 20)),
		"GET /joined":    answerWith(a, http.StatusOK, none, a.list(management.Joined, 5)),
		"GET /feed":      answerWith(a, http.StatusOK, none, a.list(management.Feed, 200)),
		"GET /{id}":      answerWith(a, http.StatusOK, none, a.get),
		"PATCH /{id}":    answerWith(a, http.StatusOK, required, a.change),
		"DELETE /{id}":   answerWith(a, http.StatusOK, none, a.delete),
		"POST /{id}/end": answerWith(a, http.StatusOK, none, a.end),

		"POST /{id}/join":          answerWith(a, http.StatusOK, optional, a.join),
		"POST /{id}/leave":         answerWith(a, http.StatusOK, none, a.leave),
		"GET /{id}/status":         answerWith(a, http.StatusOK, none, a.status),
		"PUT /{id}/display-name":   answerWith(a, http.StatusOK, required, a.rename),
		"GET /{id}/participants":   answerWith(a, http.StatusOK, none, a.participants),
		"GET /{id}/waiting":        answerWith(a, http.StatusOK, none, a.waiting),
		"POST /{id}/admit":         answerWith(a, http.StatusOK, required, a.admit),
		"POST /{id}/admit-all":     answerWith(a, http.StatusOK, none, a.admitAll),
		"POST /{id}/reject":        answerWith(a, http.StatusOK, required, a.reject),
		"POST /{id}/kick":          answerWith(a, http.StatusOK, required, a.kick),
		"POST /{id}/unban":         answerWith(a, http.StatusOK, required, a.unban),
		"POST /{id}/transfer-host": answerWith(a, http.StatusOK, required, a.grantHost(true)),
		"POST /{id}/grant-host":    answerWith(a, http.StatusOK, required, a.grantHost(false)),
		"POST /{id}/revoke-host":   answerWith(a, http.StatusOK, required, a.revokeHost),

		"POST /{id}/mute":              answerWith(a, http.StatusOK, required, a.silence(management.Mute)),
		"POST /{id}/mute-all":          answerWith(a, http.StatusOK, none, a.silenceAll(management.Mute)),
		"POST /{id}/disable-video":     answerWith(a, http.StatusOK, required, a.silence(management.CameraOff)),
		"POST /{id}/disable-video-all": answerWith(a, http.StatusOK, none, a.silenceAll(management.CameraOff)),
		"POST /{id}/stop-screen-share": answerWith(a, http.StatusOK, required, a.silence(management.StopScreenShare)),
		"POST /{id}/lower-hand":        answerWith(a, http.StatusOK, required, a.silence(management.LowerHand)),

		"GET /{id}/guest-info":   a.answer(a.guestInfo),
		"POST /{id}/join-guest":  a.answer(a.joinGuest),
		"POST /{id}/leave-guest": a.answer(a.leaveGuest),
		"GET /{id}/guest-status": a.answer(a.guestStatus),
		"GET /feed/stream":       a.feedStream,
	} {
		a.mux.HandleFunc(mounted(pattern), f)
	}
}

// mounted puts a pattern where the meetings are.
func mounted(pattern string) string {
	for i := range pattern {
		if pattern[i] == '/' {
			path := pattern[i:]
			if path == "/" {
				path = ""
			}
			return pattern[:i] + "/api/v1/meetings" + path
		}
	}
	return pattern
}

// body says whether a route takes one.
type body int

const (
	none body = iota
	optional
	required
)

// request is what most routes need to know.
type request struct {
	*http.Request
	by   management.Caller
	room string // as in the path, not checked
}

// answerWith turns f into a handler: who calls is settled before the body is read.
func answerWith[In any](a *API, status int, wants body, f func(r request, in In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := func() (any, error) {
			s, err := a.session(r)
			if err != nil {
				return nil, err
			}
			var in In
			if wants != none {
				if err := readJSON(w, r, &in, wants == optional); err != nil {
					return nil, err
				}
			}
			return f(request{r, a.caller(s), r.PathValue("id")}, in)
		}()
		if err != nil {
			a.fail(w, r, err)
			return
		}
		writeJSON(w, status, envelope{true, result})
	}
}

func (a *API) caller(s token.Session) management.Caller {
	return management.Caller{User: s.User, Name: s.Name, Admin: a.isAdmin(s)}
}

// mostMeetings bounds one page of a list.
const mostMeetings = 100

// nothing is the body of a route that takes none.
type nothing struct{}

// options are those of a meeting that a request may set.
type options struct {
	WaitingRoom      *bool `json:"waiting_room_enabled"`
	AdmittedCanAdmit *bool `json:"admitted_can_admit"`
	EndOnHostLeave   *bool `json:"end_on_host_leave"`
	AllowGuests      *bool `json:"allow_guests"`
	RecordingForAll  *bool `json:"recording_allowed_for_all"`
	AttendeesOnly    *bool `json:"attendees_only"`
	Locked           *bool `json:"locked"`
}

func (o options) patch() management.Patch {
	return management.Patch{
		WaitingRoom: o.WaitingRoom, AdmittedCanAdmit: o.AdmittedCanAdmit, EndOnHostLeave: o.EndOnHostLeave,
		AllowGuests: o.AllowGuests, RecordingForAll: o.RecordingForAll, AttendeesOnly: o.AttendeesOnly, Locked: o.Locked,
	}
}

type createRequest struct {
	Room      string   `json:"meeting_id"`
	Attendees []string `json:"attendees"`
	Password  string   `json:"password"`
	options
}

func (a *API) create(r request, in createRequest) (any, error) {
	m, err := a.Meetings.Create(r.Context(), r.by, management.Draft{
		Room: in.Room, Attendees: in.Attendees, Password: in.Password, Patch: in.patch(),
	})
	if err != nil {
		return nil, err
	}
	return createdMeeting{
		Room: m.Room, Host: m.Owner, Created: m.Created.Unix(), State: string(m.State), Attendees: m.Attendees,
		HasPassword: m.HasPassword, shownOptions: shown(m.Options),
	}, nil
}

func (a *API) list(scope management.Scope, limit int) func(request, nothing) (any, error) {
	return func(r request, _ nothing) (any, error) {
		part, err := sliceOf(r.URL.Query(), limit, max(limit, mostMeetings))
		if err != nil {
			return nil, err
		}
		page, err := a.Meetings.List(r.Context(), r.by, management.Query{
			Scope: scope, Search: r.URL.Query().Get("q"), Limit: part.limit, Offset: part.offset,
		})
		if err != nil {
			return nil, err
		}
		result := listedMeetings{Meetings: make([]listedMeeting, 0, len(page.Meetings)), Total: page.Total, Limit: part.limit, Offset: part.offset}
		for _, m := range page.Meetings {
			result.Meetings = append(result.Meetings, listing(m, r.by.User))
		}
		return result, nil
	}
}

func (a *API) get(r request, _ nothing) (any, error) {
	m, p, err := a.Meetings.Get(r.Context(), r.by, r.room)
	if err != nil {
		return nil, err
	}
	info := information(m)
	if p != nil {
		yours := statusOf(*p)
		info.Yours = &yours
	} else if m.Owner != r.by.User && !r.by.Admin {
		info.Present, info.Waiting = 0, 0
	}
	return info, nil
}

type changeRequest struct {
	options
	Attendees *[]string `json:"attendees"`
	Password  *string   `json:"password"`
}

func (a *API) change(r request, in changeRequest) (any, error) {
	p := in.patch()
	p.Attendees, p.Password = in.Attendees, in.Password
	m, err := a.Meetings.Change(r.Context(), r.by, r.room, p)
	return information(m), err
}

func (a *API) delete(r request, _ nothing) (any, error) {
	err := a.Meetings.Delete(r.Context(), r.by, r.room)
	return struct {
		Message string `json:"message"`
	}{"Meeting '" + r.room + "' has been deleted"}, err
}

func (a *API) end(r request, _ nothing) (any, error) {
	m, err := a.Meetings.End(r.Context(), r.by, r.room)
	return information(m), err
}

// withTokens adds what p needs to connect: a room token inside, an observer token in front.
func (a *API) withTokens(p *participant, by management.Caller, room string, ttl time.Duration) (err error) {
	t := token.Room{User: by.User, Room: room, DisplayName: p.DisplayName, Host: p.Host, Guest: by.Guest}
	if t.DisplayName == "" {
		t.DisplayName = by.User
	}
	switch management.Status(p.Status) {
	case management.Admitted:
		p.RoomToken, err = a.Tokens.MintRoom(t, ttl)
	case management.Waiting, management.WaitingForMeeting:
		t.Observer = true
		p.ObserverToken, err = a.Tokens.MintRoom(t, token.ObserverTTL)
	}
	return err
}

// standing is what somebody is told of where they stand.
func (a *API) standing(by management.Caller, room string, answer management.Answer) (any, error) {
	p := statusOf(answer.Participant)
	o := shown(answer.Meeting.Options)
	p.shownOptions = &o
	p.HostName, p.HostUser = answer.Meeting.HostName, answer.Meeting.Owner
	return p, a.withTokens(&p, by, room, a.TokenTTL)
}
