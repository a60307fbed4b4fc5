package rest

import (
	"time"

	"parley/api/management"
)

// shownOptions are those of a meeting as everybody may see them.
type shownOptions struct {
	WaitingRoom      bool `json:"waiting_room_enabled"`
	AdmittedCanAdmit bool `json:"admitted_can_admit"`
	EndOnHostLeave   bool `json:"end_on_host_leave"`
	AllowGuests      bool `json:"allow_guests"`
	RecordingForAll  bool `json:"recording_allowed_for_all"`
	AttendeesOnly    bool `json:"attendees_only"`
	Locked           bool `json:"locked"`
}

func shown(o management.Options) shownOptions { return shownOptions(o) }

// createdMeeting answers a creation. Times are Unix seconds.
type createdMeeting struct {
	Room        string   `json:"meeting_id"`
	Host        string   `json:"host"`
	Created     int64    `json:"created_at"`
	State       string   `json:"state"`
	Attendees   []string `json:"attendees"`
	HasPassword bool     `json:"has_password"`
	shownOptions
}

// meetingInfo describes a meeting. Times are Unix milliseconds, unlike everywhere else.
type meetingInfo struct {
	Room        string `json:"meeting_id"`
	State       string `json:"state"`
	Host        string `json:"host"`
	HostName    string `json:"host_display_name,omitempty"`
	HostUser    string `json:"host_user_id,omitempty"`
	HasPassword bool   `json:"has_password"`
	shownOptions
	Present int          `json:"participant_count"`
	Waiting int          `json:"waiting_count"`
	Started int64        `json:"started_at"`
	Ended   int64        `json:"ended_at,omitempty"`
	Yours   *participant `json:"your_status,omitempty"`
}

func information(m management.Meeting) meetingInfo {
	return meetingInfo{
		Room: m.Room, State: string(m.State), Host: m.Owner, HostName: m.HostName, HostUser: m.Owner,
		HasPassword: m.HasPassword, shownOptions: shown(m.Options), Present: m.Present, Waiting: m.Waiting,
		Started: m.Started.UnixMilli(), Ended: milliseconds(m.Ended),
	}
}

// listedMeetings is a part of a list.
type listedMeetings struct {
	Meetings []listedMeeting `json:"meetings"`
	Total    int             `json:"total"`
	Limit    int             `json:"limit"`
	Offset   int             `json:"offset"`
}

// listedMeeting is a meeting in a list. Times are Unix seconds.
type listedMeeting struct {
	Room        string `json:"meeting_id"`
	Host        string `json:"host,omitempty"`
	HostName    string `json:"host_display_name,omitempty"`
	HostUser    string `json:"host_user_id,omitempty"`
	State       string `json:"state"`
	HasPassword bool   `json:"has_password"`
	Created     int64  `json:"created_at"`
	Present     int    `json:"participant_count"`
	Waiting     int    `json:"waiting_count"`
	Started     int64  `json:"started_at"`
	Ended       int64  `json:"ended_at,omitempty"`
	shownOptions

	Own        bool  `json:"is_owner"`
	LastJoined int64 `json:"last_joined_at,omitempty"`
	LastActive int64 `json:"last_active_at"`
	Attended   int64 `json:"user_last_attended_at,omitempty"`
}

func listing(m management.Listed, user string) listedMeeting {
	return listedMeeting{
		Room: m.Room, Host: m.Owner, HostName: m.HostName, HostUser: m.Owner, State: string(m.State), HasPassword: m.HasPassword,
		Created: m.Created.Unix(), Present: m.Present, Waiting: m.Waiting, Started: m.Started.Unix(), Ended: seconds(m.Ended),
		shownOptions: shown(m.Options), Own: m.Owner == user, LastJoined: seconds(m.LastJoined),
		LastActive: seconds(m.LastActive), Attended: seconds(m.LastJoined),
	}
}

// participant is the state of a person in a meeting. Times are Unix seconds. Tokens, options
// and host are in the answers to that person alone.
type participant struct {
	User          string `json:"user_id"`
	DisplayName   string `json:"display_name,omitempty"`
	Status        string `json:"status"`
	Host          bool   `json:"is_host"`
	Guest         bool   `json:"is_guest"`
	Joined        int64  `json:"joined_at"`
	Admitted      int64  `json:"admitted_at,omitempty"`
	RoomToken     string `json:"room_token,omitempty"`
	ObserverToken string `json:"observer_token,omitempty"`
	*shownOptions
	HostName string `json:"host_display_name,omitempty"`
	HostUser string `json:"host_user_id,omitempty"`
}

func statusOf(p management.Participant) participant {
	return participant{
		User: p.User, DisplayName: p.DisplayName, Status: string(p.Status), Host: p.Host, Guest: p.Guest,
		Joined: p.Joined.Unix(), Admitted: seconds(p.Admitted),
	}
}

func statuses(all []management.Participant) []participant {
	list := make([]participant, len(all))
	for i, p := range all {
		list[i] = statusOf(p)
	}
	return list
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
