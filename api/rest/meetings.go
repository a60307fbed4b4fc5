package rest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"parley/api/management"
)

// OptionChanges are the options of a meeting that a request may set. What is left out stays,
// or is what the operator decided for new meetings.
type OptionChanges struct {
	WaitingRoom      *bool `json:"waiting_room_enabled,omitempty" doc:"Newcomers wait until somebody lets them in. Switching it off lets in everybody who waits."`
	AdmittedCanAdmit *bool `json:"admitted_can_admit,omitempty" doc:"Everybody inside may let people in, not only hosts."`
	EndOnHostLeave   *bool `json:"end_on_host_leave,omitempty" doc:"The meeting is over when its last host leaves."`
	AllowGuests      *bool `json:"allow_guests,omitempty" doc:"People without an account may ask to come in."`
	RecordingForAll  *bool `json:"recording_allowed_for_all,omitempty" doc:"Everybody inside may record, not only hosts."`
	AttendeesOnly    *bool `json:"attendees_only,omitempty" doc:"Only the owner and those on the list of attendees may come in."`
	Locked           *bool `json:"locked,omitempty" doc:"Nobody new comes in."`
}

func (o OptionChanges) patch() management.Patch {
	return management.Patch{
		WaitingRoom: o.WaitingRoom, AdmittedCanAdmit: o.AdmittedCanAdmit, EndOnHostLeave: o.EndOnHostLeave,
		AllowGuests: o.AllowGuests, RecordingForAll: o.RecordingForAll, AttendeesOnly: o.AttendeesOnly, Locked: o.Locked,
	}
}

type createRequest struct {
	Room      string   `json:"meeting_id,omitempty" pattern:"^[a-zA-Z0-9_-]+$" maxLength:"255" doc:"12 characters of the server's choice when left out."`
	Attendees []string `json:"attendees,omitempty" maxItems:"100" doc:"Identities."`
	Password  string   `json:"password,omitempty" maxLength:"128"`
	OptionChanges
}

func (a *API) create(r request, in createRequest) (createdMeeting, error) {
	m, err := a.Meetings.Create(r.Context(), r.by, management.Draft{
		Room: in.Room, Attendees: in.Attendees, Password: in.Password, Patch: in.patch(),
	})
	return createdMeeting{
		Room: m.Room, Host: m.Owner, Created: seconds(m.Created), State: string(m.State), Attendees: m.Attendees,
		HasPassword: m.HasPassword, MeetingOptions: MeetingOptions(m.Options),
	}, err
}

// size is how many meetings a list returns: when nobody says, and at most.
type size struct{ usual, most int }

var (
	ownSize    = size{20, 100}
	joinedSize = size{5, 50}
	feedSize   = size{200, 200}
)

// listOwn answers with the caller's own meetings, the newest first.
func (a *API) listOwn(r request, _ nothing) (listedMeetings, error) {
	part, found, err := a.list(r, management.Owned, ownSize)
	if err != nil {
		return listedMeetings{}, err
	}
	list := listedMeetings{Meetings: make([]listedMeeting, len(found.Meetings)), Total: found.Total, Limit: part.limit, Offset: part.offset}
	for i, m := range found.Meetings {
		list.Meetings[i] = listedMeeting{listing(m, r.by.User), m.Created.Unix(), m.Started.Unix(), seconds(m.Ended)}
	}
	return list, nil
}

// feed returns an answer with meetings that the caller owns or was in.
func (a *API) feed(scope management.Scope, n size) func(request, nothing) (feedMeetings, error) {
	return func(r request, _ nothing) (feedMeetings, error) {
		_, found, err := a.list(r, scope, n)
		if err != nil {
			return feedMeetings{}, err
		}
		list := feedMeetings{Meetings: make([]feedMeeting, len(found.Meetings)), Total: found.Total}
		for i, m := range found.Meetings {
			list.Meetings[i] = feedMeeting{
				listing(m, r.by.User), m.Created.UnixMilli(), m.Started.UnixMilli(), milliseconds(m.Ended),
				milliseconds(m.LastActive), milliseconds(m.LastJoined), milliseconds(m.LastJoined),
			}
		}
		return list, nil
	}
}

// maxSearch is the longest text to look for, in bytes: no id of a meeting is longer.
const maxSearch = management.MaxRoom

// isText reports whether the database can hold s.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func (a *API) list(r request, scope management.Scope, n size) (slice, management.Page, error) {
	query := r.URL.Query()
	part, err := sliceOf(query, n.usual, n.most)
	if err != nil {
		return part, management.Page{}, err
	}
	words := query.Get("q")
	if len(words) > maxSearch || !isText(words) {
		return part, management.Page{}, invalidField("q", fmt.Sprintf("is not text of at most %d bytes", maxSearch))
	}
	found, err := a.Meetings.List(r.Context(), r.by, management.Query{
		Scope: scope, Search: words, Limit: part.limit, Offset: part.offset,
	})
	return part, found, err
}

func (a *API) get(r request, _ nothing) (meetingInfo, error) {
	m, p, err := a.Meetings.Get(r.Context(), r.by, r.room)
	if err != nil {
		return meetingInfo{}, err
	}
	info := a.information(m, r.by)
	if m.Owner == "" {
		info.Host = m.HostName // the caller is a stranger, or nobody is known to own it
	}
	if p != nil {
		yours := personOf(*p)
		info.Yours = &yours
	}
	if r.by.Admin || info.Owner || p != nil && p.Inside() && p.Host {
		info.Attendees = m.Attendees
	}
	return info, nil
}

type changeRequest struct {
	OptionChanges
	Attendees *[]string `json:"attendees,omitempty" maxItems:"100" doc:"Identities; replaces the list."`
	Password  *string   `json:"password,omitempty" maxLength:"128" doc:"An empty one takes the password away."`
}

func (a *API) change(r request, in changeRequest) (meetingInfo, error) {
	p := in.patch()
	p.Attendees, p.Password = in.Attendees, in.Password
	m, err := a.Meetings.Change(r.Context(), r.by, r.room, p)
	info := a.information(m, r.by)
	info.Attendees = m.Attendees
	return info, err
}

func (a *API) delete(r request, _ nothing) (messageResult, error) {
	err := a.Meetings.Delete(r.Context(), r.by, r.room)
	return messageResult{fmt.Sprintf("Meeting '%s' has been deleted", r.room)}, err
}

func (a *API) end(r request, _ nothing) (meetingInfo, error) {
	m, err := a.Meetings.End(r.Context(), r.by, r.room)
	return a.information(m, r.by), err
}
