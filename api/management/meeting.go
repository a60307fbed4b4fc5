package management

import (
	"time"
)

// State is what a meeting is in.
type State string

// The states of a meeting.
const (
	Idle   State = "idle"   // set up, not begun
	Active State = "active" // begun
	Ended  State = "ended"
)

// Options of a meeting may change while it runs.
type Options struct {
	WaitingRoom      bool // newcomers wait until somebody lets them in
	AdmittedCanAdmit bool // everybody inside may let people in, not only hosts
	EndOnHostLeave   bool // the meeting is over when its last host leaves
	AllowGuests      bool // people without an account may ask to come in
	RecordingForAll  bool // everybody may record
	AttendeesOnly    bool // only the owner and those on the list of attendees may come in
	Locked           bool // nobody new comes in
}

// Meeting is the record of one, without its password.
type Meeting struct {
	ID          int64 // of the row; never given twice
	Room        string
	State       State
	Owner       string // "" when nobody is known to have created it
	HostName    string // what the owner is called, "" when unknown
	Attendees   []string
	HasPassword bool
	Options

	Created time.Time
	Started time.Time // of the latest start; creation until the first
	Ended   time.Time // zero unless the meeting is over
	EndedBy string    // who declared the end, "" when it ended by itself

	Present int // admitted participants that are not known to have left
	Waiting int
}

// Status is what became of somebody who asked to come in.
type Status string

// The statuses. WaitingForMeeting is only ever an answer, never kept.
const (
	Waiting           Status = "waiting"
	Admitted          Status = "admitted"
	Rejected          Status = "rejected"
	Left              Status = "left"
	Kicked            Status = "kicked"
	WaitingForMeeting Status = "waiting_for_meeting"
)

// Participant is somebody who asked to come in.
type Participant struct {
	User        string
	DisplayName string
	Status      Status
	Host        bool
	Guest       bool
	Banned      bool // may not even ask again

	Joined   time.Time
	Admitted time.Time // zero unless ever admitted
	Left     time.Time // zero while not known to have left
}

// Inside reports whether p may be in the meeting.
func (p Participant) Inside() bool { return p.Status == Admitted }

// Caller is who asks for something, as verified.
type Caller struct {
	User  string
	Name  string // as the sign-in says, "" when it does not
	Admin bool   // of the installation
	Guest bool   // came without an account; User is an identity that only this caller has
}
