package management

import "fmt"

// Code names a refusal for programs.
type Code string

// The refusals. Those up to ParticipantNotFound are known to existing clients.
const (
	InvalidMeetingID    Code = "INVALID_MEETING_ID"
	TooManyAttendees    Code = "TOO_MANY_ATTENDEES"
	MeetingExists       Code = "MEETING_EXISTS"
	MeetingNotFound     Code = "MEETING_NOT_FOUND"
	MeetingNotActive    Code = "MEETING_NOT_ACTIVE"
	NotHost             Code = "NOT_HOST"
	NotOwner            Code = "NOT_OWNER"
	NotInMeeting        Code = "NOT_IN_MEETING"
	ParticipantNotFound Code = "PARTICIPANT_NOT_FOUND"
	GuestsNotAllowed    Code = "GUESTS_NOT_ALLOWED"
	BadRequest          Code = "BAD_REQUEST"

	InvalidInput     Code = "INVALID_INPUT" // a field breaks a rule; Field names it
	PasswordRequired Code = "PASSWORD_REQUIRED"
	WrongPassword    Code = "WRONG_PASSWORD"
	TooManyAttempts  Code = "TOO_MANY_ATTEMPTS" // of a password
	NotInvited       Code = "NOT_INVITED"
	MeetingLocked    Code = "MEETING_LOCKED"
	MeetingFull      Code = "MEETING_FULL"
	Banned           Code = "BANNED"
	Denied           Code = "DENIED"  // turned away from the waiting room
	Removed          Code = "REMOVED" // rejected, removed or left: has to ask again
	Overloaded       Code = "OVERLOADED"
)

// Refusal is a request that the rules turn down. Its message is for the caller.
type Refusal struct {
	Code    Code
	Field   string // of the request, for InvalidInput
	Message string
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

func refuse(c Code, format string, args ...any) error {
	return &Refusal{Code: c, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) error {
	return &Refusal{InvalidInput, field, fmt.Sprintf(format, args...)}
}

func noMeeting(room string) error {
	return refuse(MeetingNotFound, "Meeting '%.255s' not found", room)
}

func notHost() error { return refuse(NotHost, "Only the meeting host can perform this action") }

func notOwner() error { return refuse(NotOwner, "Only the meeting owner can perform this action") }
