package rest

import (
	"time"

	"parley/api/management"
)

// The types of this file are what clients see; those with an exported name are parts of
// others, which only then show in the document.

// MeetingOptions are those of a meeting, as everybody may see them.
type MeetingOptions struct {
	WaitingRoom      bool `json:"waiting_room_enabled" doc:"Newcomers wait until somebody lets them in."`
	AdmittedCanAdmit bool `json:"admitted_can_admit" doc:"Everybody inside may let people in, not only hosts."`
	EndOnHostLeave   bool `json:"end_on_host_leave" doc:"The meeting is over when its last host leaves."`
	AllowGuests      bool `json:"allow_guests" doc:"People without an account may ask to come in."`
	RecordingForAll  bool `json:"recording_allowed_for_all" doc:"Everybody inside may record, not only hosts."`
	AttendeesOnly    bool `json:"attendees_only" doc:"Only the owner and those on the list of attendees may come in."`
	Locked           bool `json:"locked" doc:"Nobody new comes in."`
}

// Features are what operators let people do in a room at the moment. Rooms are told
// MEETING_SETTINGS_UPDATED when they change.
type Features struct {
	Chat        bool `json:"chat" doc:"Text may be sent."`
	Reactions   bool `json:"reactions" doc:"Reactions may be sent."`
	ScreenShare bool `json:"screen_share" doc:"Screens may be shared."`
	Encryption  bool `json:"encryption_required" doc:"Media that is not encrypted from end to end reaches nobody."`
}

// createdMeeting answers a creation.
type createdMeeting struct {
	Room        string   `json:"meeting_id"`
	Host        string   `json:"host" doc:"Identity of the owner."`
	Created     int64    `json:"created_at" doc:"Unix seconds."`
	State       string   `json:"state" enum:"idle,active,ended"`
	Attendees   []string `json:"attendees"`
	HasPassword bool     `json:"has_password"`
	MeetingOptions
}

// meetingInfo describes a meeting. To strangers it is what they need to ask for admission:
// they see no identities, numbers of people and times.
type meetingInfo struct {
	Room        string `json:"meeting_id"`
	State       string `json:"state" enum:"idle,active,ended"`
	Host        string `json:"host" doc:"Identity of the owner; to strangers a name, or nothing."`
	HostName    string `json:"host_display_name,omitempty"`
	HostUser    string `json:"host_user_id,omitempty" doc:"Identity of the owner."`
	HasPassword bool   `json:"has_password"`
	MeetingOptions
	Attendees []string `json:"attendees,omitempty" doc:"For the owner, hosts and admins."`
	Present   int      `json:"participant_count"`
	Waiting   int      `json:"waiting_count"`
	Started   int64    `json:"started_at" doc:"Unix milliseconds; 0 to strangers."`
	Ended     int64    `json:"ended_at,omitempty" doc:"Unix milliseconds."`
	Owner     bool     `json:"is_owner" doc:"The caller is."`
	Features  Features `json:"features"`
	Yours     *Person  `json:"your_status,omitempty" doc:"Where the caller stands."`
}

// information is what by may see of m.
func (a *API) information(m management.Meeting, by management.Caller) meetingInfo {
	return meetingInfo{
		Features: a.Features(m.Room),
		Room:     m.Room, State: string(m.State), Host: m.Owner, HostName: m.HostName, HostUser: m.Owner,
		HasPassword: m.HasPassword, MeetingOptions: MeetingOptions(m.Options), Present: m.Present, Waiting: m.Waiting,
		Started: milliseconds(m.Started), Ended: milliseconds(m.Ended), Owner: owns(by, m),
	}
}

func owns(by management.Caller, m management.Meeting) bool {
	return by.User != "" && m.Owner == by.User
}

// listedMeetings is a part of a list.
type listedMeetings struct {
	Meetings []listedMeeting `json:"meetings"`
	Total    int             `json:"total" doc:"On all pages."`
	Limit    int             `json:"limit" doc:"As it was applied."`
	Offset   int             `json:"offset" doc:"As it was applied."`
}

// ListedMeeting is what all lists say of a meeting.
type ListedMeeting struct {
	Room        string `json:"meeting_id"`
	Host        string `json:"host,omitempty" doc:"Identity of the owner."`
	HostName    string `json:"host_display_name,omitempty"`
	HostUser    string `json:"host_user_id,omitempty" doc:"Identity of the owner."`
	Owner       bool   `json:"is_owner" doc:"The caller is."`
	State       string `json:"state" enum:"idle,active,ended"`
	HasPassword bool   `json:"has_password"`
	Present     int    `json:"participant_count"`
	Waiting     int    `json:"waiting_count"`
	MeetingOptions
}

// listedMeeting is a meeting in the list of one's own.
type listedMeeting struct {
	ListedMeeting
	Created int64 `json:"created_at" doc:"Unix seconds."`
	Started int64 `json:"started_at" doc:"Unix seconds; when it was created, until it begins."`
	Ended   int64 `json:"ended_at,omitempty" doc:"Unix seconds."`
}

// feedMeetings is a part of a list of meetings that one owns or was in.
type feedMeetings struct {
	Meetings []feedMeeting `json:"meetings"`
	Total    int           `json:"total" doc:"On all pages."`
}

// feedMeeting is a meeting in such a list. Its times are milliseconds, as clients of these
// routes know them.
type feedMeeting struct {
	ListedMeeting
	Created    int64 `json:"created_at" doc:"Unix milliseconds."`
	Started    int64 `json:"started_at" doc:"Unix milliseconds; when it was created, until it begins."`
	Ended      int64 `json:"ended_at,omitempty" doc:"Unix milliseconds."`
	LastActive int64 `json:"last_active_at" doc:"Unix milliseconds."`
	LastJoined int64 `json:"last_joined_at,omitempty" doc:"When the caller was last let in, Unix milliseconds."`
	Attended   int64 `json:"user_last_attended_at,omitempty" doc:"The same."`
}

func listing(m management.Listed, user string) ListedMeeting {
	return ListedMeeting{
		Room: m.Room, Host: m.Owner, HostName: m.HostName, HostUser: m.Owner, Owner: m.Owner == user, State: string(m.State),
		HasPassword: m.HasPassword, Present: m.Present, Waiting: m.Waiting, MeetingOptions: MeetingOptions(m.Options),
	}
}

// Person is somebody in a meeting or in front of it, as others may see them.
type Person struct {
	User        string `json:"user_id"`
	DisplayName string `json:"display_name,omitempty"`
	Status      string `json:"status" enum:"waiting,admitted,rejected,left,kicked,waiting_for_meeting"`
	Host        bool   `json:"is_host"`
	Guest       bool   `json:"is_guest"`
	Banned      bool   `json:"banned,omitempty" doc:"May not even ask to come in again."`
	Joined      int64  `json:"joined_at" doc:"When they asked to come in, Unix seconds."`
	Admitted    int64  `json:"admitted_at,omitempty" doc:"Unix seconds."`
}

// standing is where somebody stands: what they alone are told.
type standing struct {
	Person
	RoomToken     string `json:"room_token,omitempty" doc:"Opens /lobby, for those who are admitted."`
	ObserverToken string `json:"observer_token,omitempty" doc:"Opens /lobby for those who wait: they hear events, never media. Guests prove with it who they are."`
	MeetingOptions
	HostName string   `json:"host_display_name,omitempty"`
	HostUser string   `json:"host_user_id,omitempty" doc:"Identity of the owner."`
	Owner    bool     `json:"is_owner" doc:"The caller is."`
	Features Features `json:"features"`
}

func personOf(p management.Participant) Person {
	return Person{
		User: p.User, DisplayName: p.DisplayName, Status: string(p.Status), Host: p.Host, Guest: p.Guest, Banned: p.Banned,
		Joined: p.Joined.Unix(), Admitted: seconds(p.Admitted),
	}
}

func people(all []management.Participant) []Person {
	list := make([]Person, len(all))
	for i, p := range all {
		list[i] = personOf(p)
	}
	return list
}

// waitingPeople is who waits.
type waitingPeople struct {
	Room    string   `json:"meeting_id"`
	Waiting []Person `json:"waiting" doc:"The first to ask comes first."`
}

// admittedPeople is who was let in.
type admittedPeople struct {
	Count    int      `json:"admitted_count"`
	Admitted []Person `json:"admitted"`
}

// guestInfo is all that somebody without an account learns about a meeting. Of one that does
// not let them in, and of none, it says no more than that, and what would hold for everybody.
type guestInfo struct {
	AllowGuests bool     `json:"allow_guests"`
	Room        string   `json:"meeting_id"`
	State       string   `json:"state,omitempty" enum:"idle,active,ended"`
	WaitingRoom bool     `json:"waiting_room_enabled"`
	HasPassword bool     `json:"has_password"`
	HostName    string   `json:"host_display_name,omitempty"`
	Features    Features `json:"features"`
}

// seconds and milliseconds are Unix times, 0 for none.
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
