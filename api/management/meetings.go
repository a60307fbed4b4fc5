package management

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"
)

// Settings are what operators decide for a room; they are asked on every call and do not
// block. Nil fields mean: waiting room on, everything else off or unlimited.
type Settings struct {
	WaitingRoom      func(room string) bool // what a meeting has when its creator does not say
	EndOnHostLeave   func(room string) bool // likewise
	Guests           func(room string) bool // whether people without an account may ask at all
	PasswordRequired func(room string) bool // whether new meetings need one
	StartWithoutHost func(room string) bool // whether others may start a meeting without a waiting room
	MaxParticipants  func(room string) int  // people inside at once, 0 is any number
}

// Meetings applies the rules. Its methods may be called from any goroutine, block until the
// store answers or ctx ends, and fail with a *[Refusal] when the rules say no; any other
// error is the store's.
type Meetings struct {
	store     Store
	rooms     Rooms
	log       *slog.Logger
	settings  Settings
	passwords *passwords
	watchers  watchers
}

// New returns Meetings.
func New(store Store, rooms Rooms, s Settings, log *slog.Logger) *Meetings {
	return &Meetings{store: store, rooms: rooms, log: log, settings: s.complete(), passwords: newPasswords()}
}

func (s Settings) complete() Settings {
	or := func(f *func(string) bool, v bool) {
		if *f == nil {
			*f = func(string) bool { return v }
		}
	}
	or(&s.WaitingRoom, true)
	or(&s.EndOnHostLeave, false)
	or(&s.Guests, false)
	or(&s.PasswordRequired, false)
	or(&s.StartWithoutHost, false)
	if s.MaxParticipants == nil {
		s.MaxParticipants = func(string) int { return 0 }
	}
	return s
}

// Draft is a meeting to be created. Nil options take what the operator decided.
type Draft struct {
	Room      string // "" lets the server choose
	Attendees []string
	Password  string // "" is none
	Patch
}

// Patch changes options; nil fields stay as they are.
type Patch struct {
	WaitingRoom      *bool
	AdmittedCanAdmit *bool
	EndOnHostLeave   *bool
	AllowGuests      *bool
	RecordingForAll  *bool
	AttendeesOnly    *bool
	Locked           *bool
	Attendees        *[]string
	Password         *string // "" takes it away
}

func (p Patch) empty() bool { return p == Patch{} }

func (p Patch) apply(o Options) Options {
	set := func(to *bool, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	set(&o.WaitingRoom, p.WaitingRoom)
	set(&o.AdmittedCanAdmit, p.AdmittedCanAdmit)
	set(&o.EndOnHostLeave, p.EndOnHostLeave)
	set(&o.AllowGuests, p.AllowGuests)
	set(&o.RecordingForAll, p.RecordingForAll)
	set(&o.AttendeesOnly, p.AttendeesOnly)
	set(&o.Locked, p.Locked)
	return o
}

func (m *Meetings) defaults(room string) Options {
	return Options{WaitingRoom: m.settings.WaitingRoom(room), EndOnHostLeave: m.settings.EndOnHostLeave(room)}
}

// Create sets up a meeting that by owns. Guests cannot own one.
func (m *Meetings) Create(ctx context.Context, by Caller, d Draft) (Meeting, error) {
	if by.Guest {
		return Meeting{}, refuse(GuestsNotAllowed, "Only people with an account can set up a meeting")
	}
	if d.Room == "" {
		d.Room = newRoom()
	} else if err := checkRoom(d.Room); err != nil {
		return Meeting{}, err
	}
	attendees, err := checkAttendees(d.Attendees)
	if err != nil {
		return Meeting{}, err
	}
	if err := checkPassword(d.Password); err != nil {
		return Meeting{}, err
	}
	if d.Password == "" && m.settings.PasswordRequired(d.Room) {
		return Meeting{}, invalid("password", "Meetings need a password here")
	}
	hash, err := m.passwords.hash(ctx, d.Password)
	if err != nil {
		return Meeting{}, err
	}
	now := now()
	created, err := m.store.CreateMeeting(ctx, Meeting{
		Room: d.Room, State: Idle, Owner: by.User, Attendees: attendees, HasPassword: hash != "",
		Options: d.apply(m.defaults(d.Room)), Created: now, Started: now,
	}, hash)
	if err == nil {
		m.changed(ctx, d.Room)
	}
	return created, err
}

// Get returns a meeting to somebody who may see it: its owner, whoever has a row in it or
// is on its list, and admins. Others are told what they need to ask for admission, no more:
// its owner, counts, attendees and times are left out.
func (m *Meetings) Get(ctx context.Context, by Caller, room string) (Meeting, *Participant, error) {
	meeting, p, err := m.store.Look(ctx, room, by.User)
	if err == nil && p == nil && !by.Admin && (by.User == "" || meeting.Owner != by.User) && !invited(meeting, by.User) {
		meeting = Meeting{
			ID: meeting.ID, Room: meeting.Room, State: meeting.State, HostName: meeting.HostName,
			HasPassword: meeting.HasPassword, Options: meeting.Options,
		}
	}
	return meeting, p, err
}

// List returns meetings of the caller; [All] needs an admin.
func (m *Meetings) List(ctx context.Context, by Caller, q Query) (Page, error) {
	if q.Scope == All && !by.Admin {
		return Page{}, notOwner()
	}
	q.User = by.User
	return m.store.ListMeetings(ctx, q)
}

// Change sets options. Switching the waiting room off admits everybody who waits.
func (m *Meetings) Change(ctx context.Context, by Caller, room string, p Patch) (Meeting, error) {
	var hash string
	if p.Password != nil {
		if err := checkPassword(*p.Password); err != nil {
			return Meeting{}, err
		}
		var err error
		if hash, err = m.passwords.hash(ctx, *p.Password); err != nil {
			return Meeting{}, err
		}
	}
	var meeting Meeting
	var admitted []Participant
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		meeting = tx.Meeting()
		if err := mayChange(ctx, tx, by); err != nil || p.empty() {
			return err
		}
		was := meeting.Options
		meeting.Options = p.apply(was)
		if p.Attendees != nil {
			list, err := checkAttendees(*p.Attendees)
			if err != nil {
				return err
			}
			meeting.Attendees = list
		}
		if p.Password != nil {
			if hash == "" && m.settings.PasswordRequired(room) {
				return invalid("password", "Meetings need a password here")
			}
			if err := tx.SetPassword(ctx, hash); err != nil {
				return err
			}
			meeting.HasPassword = hash != ""
		}
		if was.WaitingRoom && !meeting.WaitingRoom {
			var err error
			if admitted, err = tx.AdmitWaiting(ctx, now()); err != nil {
				return err
			}
		}
		if err := tx.SetMeeting(ctx, meeting); err != nil {
			return err
		}
		var err error
		meeting.Present, meeting.Waiting, err = tx.Counts(ctx)
		return err
	})
	if err != nil {
		return Meeting{}, err
	}
	if !p.empty() {
		m.tellAdmitted(ctx, room, by.User, admitted)
		m.tell(ctx, room, Event{Act: OptionsChanged, Actor: by.User})
		m.changed(ctx, room)
	}
	return meeting, nil
}

// mayChange lets the owner, hosts who are inside and admins through.
func mayChange(ctx context.Context, tx Tx, by Caller) error {
	if by.Admin || tx.Meeting().Owner == by.User && by.User != "" {
		return nil
	}
	p, err := tx.Participant(ctx, by.User)
	if err != nil {
		return err
	}
	if p == nil || !p.Inside() || !p.Host {
		return notOwner()
	}
	return nil
}

// Delete takes a meeting away. Whoever is connected is told that it is over.
func (m *Meetings) Delete(ctx context.Context, by Caller, room string) error {
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		if !by.Admin && (by.User == "" || tx.Meeting().Owner != by.User) {
			return notOwner()
		}
		if err := tx.CloseAll(ctx, now(), ""); err != nil {
			return err
		}
		return tx.Delete(ctx)
	})
	if err != nil {
		return err
	}
	m.end(ctx, room, by.User, "The meeting has been deleted")
	return nil
}

// End ends a meeting for everybody. Ending it again changes nothing.
func (m *Meetings) End(ctx context.Context, by Caller, room string) (Meeting, error) {
	var meeting Meeting
	var again bool
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		if err := mayChange(ctx, tx, by); err != nil {
			return err
		}
		var err error
		meeting, again, err = declareOver(ctx, tx, by.User)
		return err
	})
	if err != nil {
		return Meeting{}, err
	}
	if !again {
		m.end(ctx, room, by.User, HostEnded)
	}
	return meeting, nil
}

// HostEnded is what people are told when their meeting ends because somebody said so.
const HostEnded = "The host has ended the meeting"

// declareOver ends the meeting of tx; again says that somebody had before.
func declareOver(ctx context.Context, tx Tx, by string) (meeting Meeting, again bool, err error) {
	meeting = tx.Meeting()
	if meeting.State == Ended && meeting.EndedBy != "" {
		return meeting, true, nil
	}
	at := now()
	if meeting.State != Ended {
		meeting.Ended = at
	}
	meeting.State, meeting.EndedBy = Ended, by
	if err := tx.CloseAll(ctx, at, ""); err != nil {
		return meeting, false, err
	}
	meeting.Present, meeting.Waiting = 0, 0
	return meeting, false, tx.SetMeeting(ctx, meeting)
}

// end tells everybody that the meeting is over and closes their connections.
func (m *Meetings) end(ctx context.Context, room, by, message string) {
	m.remove(ctx, room, "", MeetingNotActive)
	m.tell(ctx, room, Event{Act: Over, Actor: by, Message: message})
	m.changed(ctx, room)
}

// tell and remove report what did not reach the room: the decision is on record, and
// connections against it are found later.
func (m *Meetings) tell(ctx context.Context, room string, e Event) {
	if err := m.rooms.Tell(context.WithoutCancel(ctx), room, e); err != nil {
		m.log.Warn("tell a room", "room", room, "act", string(e.Act), "err", err)
	}
}

func (m *Meetings) remove(ctx context.Context, room, user string, why Code) {
	if err := m.rooms.Remove(context.WithoutCancel(ctx), room, user, why); err != nil {
		m.log.Warn("close connections", "room", room, "user", user, "err", err)
	}
}

func (m *Meetings) tellAdmitted(ctx context.Context, room, by string, admitted []Participant) {
	for _, p := range admitted {
		m.tell(ctx, room, Event{Act: LetIn, Actor: by, Target: p.User})
	}
	if len(admitted) > 0 {
		m.tell(ctx, room, Event{Act: WaitingChanged, Actor: by})
	}
}

// now is in the precision of the database.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

// newRoom returns 12 characters of a-z and 0-9: 62 bits, so that nobody guesses a meeting.
func newRoom() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	name := make([]byte, 0, 12)
	var b [16]byte
	for len(name) < cap(name) {
		_, _ = rand.Read(b[:]) // it does not fail
		for _, c := range b {
			// Above the largest multiple of the alphabet some letters would be likelier.
			if int(c) < 256/len(alphabet)*len(alphabet) && len(name) < cap(name) {
				name = append(name, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(name)
}

// is reports whether err is a refusal with that code.
func is(err error, c Code) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.Code == c
}
