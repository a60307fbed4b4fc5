package management

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Request is what somebody says who wants to come in.
type Request struct {
	DisplayName string // "" keeps the one they had
	Password    string
}

// Answer is what becomes of somebody who asks.
type Answer struct {
	Participant
	Meeting Meeting
}

// Return is how long after a meeting lost its last connection those who were in it may come
// back as if nothing had happened: a node that restarts, or a network that was away.
const Return = 2 * time.Minute

// Join asks to be let in. A meeting that does not exist is created for the caller. The owner
// gets in and starts it; others wait for the owner ([WaitingForMeeting], nothing is recorded),
// in the waiting room, or get in. Where the settings say so others start it as well, unless
// somebody has to let them in.
func (m *Meetings) Join(ctx context.Context, by Caller, room string, r Request) (Answer, error) {
	if err := checkRoom(room); err != nil {
		return Answer{}, err
	}
	name, err := CleanName(r.DisplayName)
	if err != nil {
		return Answer{}, err
	}
	// A lap is lost only to somebody who deleted the meeting, took its room or changed its
	// password meanwhile.
	for {
		a, err := m.joinOnce(ctx, by, room, name, r)
		if !errors.Is(err, errMeanwhile) && !(is(err, MeetingNotFound) && !by.Guest) {
			return a, err
		}
	}
}

// errMeanwhile says that the meeting is not the one that was looked at.
var errMeanwhile = errors.New("the meeting was changed meanwhile")

func (m *Meetings) joinOnce(ctx context.Context, by Caller, room, name string, r Request) (Answer, error) {
	known, was, err := m.store.Look(ctx, room, by.User)
	switch {
	case by.Guest && (is(err, MeetingNotFound) || err == nil && !m.takesGuests(known)):
		return Answer{}, noGuests() // whether there is such a meeting is not for them to know
	case is(err, MeetingNotFound):
		return m.joinNew(ctx, by, room, name, r)
	case err != nil:
		return Answer{}, err
	}
	hash := ""
	if asksPassword(known, by, was) {
		if err := m.mayAsk(known, by, was); err != nil {
			return Answer{}, err
		}
		// Comparing takes long, so it is done before the meeting is locked.
		if hash, err = m.store.PasswordHash(ctx, room); err == nil {
			known := was != nil && !was.Admitted.IsZero()
			err = m.passwords.check(ctx, guesser{room, by.User, by.Guest, known}, r.Password, hash)
		}
		if err != nil {
			return Answer{}, err
		}
	}
	return m.join(ctx, by, room, name, hash)
}

// asksPassword reports whether somebody has to know the password to join.
func asksPassword(meeting Meeting, by Caller, was *Participant) bool {
	return meeting.HasPassword && meeting.Owner != by.User && (was == nil || !was.Inside())
}

// joinNew creates the meeting unless somebody else just did.
func (m *Meetings) joinNew(ctx context.Context, by Caller, room, name string, r Request) (Answer, error) {
	if m.settings.PasswordRequired(room) && r.Password == "" {
		return Answer{}, refuse(PasswordRequired, "Meetings need a password here: create this one with a password first")
	}
	hash := ""
	if m.settings.PasswordRequired(room) {
		if err := checkPassword(r.Password); err != nil {
			return Answer{}, err
		}
		var err error
		if hash, err = m.passwords.hash(ctx, r.Password); err != nil {
			return Answer{}, err
		}
	}
	at := now()
	_, err := m.store.CreateMeeting(ctx, Meeting{
		Room: room, State: Idle, Owner: by.User, HasPassword: hash != "",
		Options: m.defaults(room), Created: at, Started: at,
	}, hash)
	if is(err, MeetingExists) {
		err = errMeanwhile
	}
	if err != nil {
		return Answer{}, err
	}
	return m.join(ctx, by, room, name, "")
}

// join decides about somebody who knows the password with that hash.
func (m *Meetings) join(ctx context.Context, by Caller, room, name, hash string) (Answer, error) {
	var a Answer
	var events []Event
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		events = nil
		a = Answer{Meeting: tx.Meeting()}
		was, err := tx.Participant(ctx, by.User)
		if err != nil {
			return err
		}
		if asksPassword(a.Meeting, by, was) && tx.PasswordHash() != hash {
			return errMeanwhile
		}
		at := now()
		a.Participant = asking(by, was, name, at)
		if a.Meeting.Owner == by.User && !by.Guest {
			events, err = m.ownerJoins(ctx, tx, &a, at)
			return err
		}
		if err := m.mayAsk(a.Meeting, by, was); err != nil {
			return err
		}
		switch starts := m.mayStart(a.Meeting, by, was); {
		case running(a.Meeting, was, at):
		case !starts:
			a.Status, a.Host, a.Participant.Admitted = WaitingForMeeting, false, time.Time{}
			return nil
		default:
			if events, err = start(ctx, tx, &a, at); err != nil {
				return err
			}
			if err := tx.SetMeeting(ctx, a.Meeting); err != nil {
				return err
			}
		}
		if a.Meeting.State == Ended { // everybody lost their connection and comes back
			a.Meeting.State, a.Meeting.Ended = Active, time.Time{}
			if err := tx.SetMeeting(ctx, a.Meeting); err != nil {
				return err
			}
		}
		more, err := m.othersJoin(ctx, tx, &a, was, at)
		events = append(events, more...)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	for _, e := range events {
		m.tell(ctx, room, e)
	}
	m.changed(ctx, room)
	return a, nil
}

// asking is the row of somebody who asks, before anything is decided.
func asking(by Caller, was *Participant, name string, at time.Time) Participant {
	p := Participant{User: by.User, Guest: by.Guest}
	if was != nil {
		p = *was
	}
	if name != "" {
		p.DisplayName = name
	}
	p.Joined, p.Left = at, time.Time{}
	return p
}

// mayStart reports whether somebody other than the owner may start a meeting.
func (m *Meetings) mayStart(meeting Meeting, by Caller, was *Participant) bool {
	free := meeting.State == Idle || meeting.State == Ended && !meeting.EndOnHostLeave
	return free && !by.Guest && !meeting.WaitingRoom && !waits(was) && m.settings.StartWithoutHost(meeting.Room)
}

// waits reports whether somebody who was in the meeting as was has to be let in by a person.
func waits(was *Participant) bool {
	return was != nil && (was.Status == Rejected || was.Status == Kicked || was.Status == Waiting)
}

// start makes the meeting in a an active one, which the caller stores.
func start(ctx context.Context, tx Tx, a *Answer, at time.Time) ([]Event, error) {
	// Who was let into the meeting before is not let into this one by that.
	if a.Meeting.State == Ended && at.Sub(a.Meeting.Ended) > Return {
		if err := tx.CloseAll(ctx, at, a.User); err != nil {
			return nil, err
		}
	}
	if a.Meeting.State == Idle || a.Meeting.EndedBy != "" || at.Sub(a.Meeting.Ended) > Return {
		a.Meeting.Started = at
	}
	a.Meeting.State, a.Meeting.Ended, a.Meeting.EndedBy = Active, time.Time{}, ""
	return []Event{{Act: Activated, Actor: a.User}}, nil
}

func (m *Meetings) ownerJoins(ctx context.Context, tx Tx, a *Answer, at time.Time) (events []Event, err error) {
	if a.Meeting.State != Active {
		if events, err = start(ctx, tx, a, at); err != nil {
			return nil, err
		}
	}
	if a.DisplayName != "" {
		a.Meeting.HostName = a.DisplayName
	}
	if err := tx.SetMeeting(ctx, a.Meeting); err != nil {
		return nil, err
	}
	a.Status, a.Host, a.Participant.Admitted, a.Banned = Admitted, true, at, false
	return events, tx.SetParticipant(ctx, a.Participant)
}

// mayAsk refuses those who may not even wait.
func (m *Meetings) mayAsk(meeting Meeting, by Caller, was *Participant) error {
	inside := was != nil && was.Inside()
	switch {
	case was != nil && was.Banned:
		return refuse(Banned, "You have been removed from this meeting for good")
	case by.Guest && !m.takesGuests(meeting):
		return noGuests()
	case meeting.AttendeesOnly && !inside && !invited(meeting, by.User):
		return refuse(NotInvited, "You are not on the list of this meeting")
	case meeting.Locked && !inside:
		return refuse(MeetingLocked, "This meeting is locked: nobody new can come in")
	}
	return nil
}

func invited(meeting Meeting, user string) bool {
	for _, who := range meeting.Attendees {
		if strings.EqualFold(who, user) {
			return true
		}
	}
	return false
}

// running reports whether somebody who was in the meeting as was, or never (nil), finds it
// running.
func running(meeting Meeting, was *Participant, at time.Time) bool {
	if meeting.State == Active {
		return true
	}
	mayReturn := was != nil && was.Inside() && (was.Host || !meeting.EndOnHostLeave)
	return meeting.State == Ended && meeting.EndedBy == "" && mayReturn && at.Sub(meeting.Ended) <= Return
}

func (m *Meetings) othersJoin(ctx context.Context, tx Tx, a *Answer, was *Participant, at time.Time) ([]Event, error) {
	switch {
	case was != nil && was.Inside():
	case a.Meeting.WaitingRoom || waits(was):
		a.Status, a.Host, a.Participant.Admitted = Waiting, false, time.Time{}
		return []Event{{Act: WaitingChanged, Actor: a.User}}, tx.SetParticipant(ctx, a.Participant)
	default:
		if err := m.vacancy(ctx, tx); err != nil {
			return nil, err
		}
		a.Status, a.Host, a.Participant.Admitted = Admitted, false, at
	}
	return nil, tx.SetParticipant(ctx, a.Participant)
}

// vacancy refuses when the meeting is full.
func (m *Meetings) vacancy(ctx context.Context, tx Tx) error {
	limit := m.settings.MaxParticipants(tx.Meeting().Room)
	if limit <= 0 {
		return nil
	}
	present, _, err := tx.Counts(ctx)
	if err == nil && present >= limit {
		err = refuse(MeetingFull, "This meeting is full: %d people are in it", present)
	}
	return err
}

// GuestPrefix begins the identity of everybody without an account; no account has it.
const GuestPrefix = "guest:"

// NewGuest returns the identity of somebody without an account: a new one, or the one they
// had before, which only they know.
func NewGuest(before string) (Caller, error) {
	if before == "" {
		return Caller{User: GuestPrefix + uuid.NewString(), Guest: true}, nil
	}
	id, err := uuid.Parse(strings.TrimPrefix(before, GuestPrefix))
	if err != nil {
		return Caller{}, invalid("guest_session_id", "guest_session_id is not one that a server gave")
	}
	return Caller{User: GuestPrefix + id.String(), Guest: true}, nil
}

// ForGuests returns a meeting that takes people without an account; it fails with
// [GuestsNotAllowed] for every other.
func (m *Meetings) ForGuests(ctx context.Context, room string) (Meeting, error) {
	meeting, _, err := m.store.Look(ctx, room, "")
	if err == nil && !m.takesGuests(meeting) || is(err, MeetingNotFound) {
		err = noGuests()
	}
	return meeting, err
}

func (m *Meetings) takesGuests(meeting Meeting) bool {
	return meeting.AllowGuests && m.settings.Guests(meeting.Room)
}

func noGuests() error { return refuse(GuestsNotAllowed, "This meeting is for people with an account") }

// Status tells a participant where they stand. It fails with [MeetingNotActive] once the
// meeting has been ended, before anything else is looked at.
func (m *Meetings) Status(ctx context.Context, by Caller, room string) (Answer, error) {
	meeting, p, err := m.store.Look(ctx, room, by.User)
	switch {
	case err != nil:
		return Answer{}, err
	case meeting.State == Ended && !running(meeting, p, now()):
		return Answer{}, notActive(room)
	case p == nil:
		return Answer{}, notIn(room)
	}
	return Answer{*p, meeting}, nil
}

func notActive(room string) error {
	return refuse(MeetingNotActive, "Meeting '%s' is not active. Host must join first.", room)
}

func notIn(room string) error {
	return refuse(NotInMeeting, "You are not in meeting '%s'", room)
}

// Leave takes the caller out for good. The meeting ends with the owner's leaving when its
// options say so, and with that of the last one present.
func (m *Meetings) Leave(ctx context.Context, by Caller, room string) (Answer, error) {
	var a Answer
	over, waited := false, false
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		over = false
		p, err := tx.Participant(ctx, by.User)
		if err != nil {
			return err
		}
		if p == nil {
			return notIn(room)
		}
		a = Answer{*p, tx.Meeting()}
		if p.Status != Admitted && p.Status != Waiting {
			return nil // gone already
		}
		waited = p.Status == Waiting
		a.Status, a.Left = Left, now()
		if err := tx.SetParticipant(ctx, a.Participant); err != nil {
			return err
		}
		if p.Status != Admitted || a.Meeting.State != Active {
			return nil
		}
		if over, err = lastOf(ctx, tx, *p); err != nil || !over {
			return err
		}
		a.Meeting, _, err = declareOver(ctx, tx, by.User)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	m.remove(ctx, room, by.User, NotInMeeting)
	switch {
	case over:
		m.end(ctx, room, by.User, HostEnded)
	case waited:
		m.tell(ctx, room, Event{Act: WaitingChanged, Actor: by.User})
	}
	m.changed(ctx, room)
	return a, nil
}

// lastOf reports whether the meeting is over when p has left.
func lastOf(ctx context.Context, tx Tx, p Participant) (bool, error) {
	present, _, err := tx.Counts(ctx)
	if err != nil || present == 0 {
		return true, err
	}
	if !p.Host || !tx.Meeting().EndOnHostLeave {
		return false, nil
	}
	hosts, err := tx.OtherHosts(ctx, p.User)
	return hosts == 0, err
}
