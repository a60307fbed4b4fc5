package management

import (
	"context"
	"time"
)

// Participants lists who is inside, for everybody who is or may.
func (m *Meetings) Participants(ctx context.Context, by Caller, room string) ([]Participant, error) {
	meeting, p, err := m.store.Look(ctx, room, by.User)
	switch {
	case err != nil:
		return nil, err
	case by.Admin || meeting.Owner == by.User && by.User != "" || p != nil && p.Inside():
		return m.store.Participants(ctx, room, Admitted)
	}
	return nil, notIn(room)
}

// Attended lists who is inside and who was, for hosts and admins.
func (m *Meetings) Attended(ctx context.Context, by Caller, room string) ([]Participant, error) {
	meeting, p, err := m.store.Look(ctx, room, by.User)
	switch {
	case err != nil:
		return nil, err
	case !by.Admin && (by.User == "" || meeting.Owner != by.User) && (p == nil || !p.Host || !p.Inside()):
		return nil, notHost()
	}
	inside, err := m.store.Participants(ctx, room, Admitted)
	if err != nil {
		return nil, err
	}
	gone, err := m.store.Participants(ctx, room, Left)
	return append(inside, gone...), err
}

// Waiting lists who waits, for those who may let them in.
func (m *Meetings) Waiting(ctx context.Context, by Caller, room string) ([]Participant, error) {
	meeting, p, err := m.store.Look(ctx, room, by.User)
	if err != nil {
		return nil, err
	}
	if !mayAdmit(by, meeting, p) {
		return nil, notHost()
	}
	return m.store.Participants(ctx, room, Waiting)
}

func mayAdmit(by Caller, meeting Meeting, p *Participant) bool {
	return by.Admin || p != nil && p.Inside() && (p.Host || meeting.AdmittedCanAdmit)
}

// Admit lets one in who waits.
func (m *Meetings) Admit(ctx context.Context, by Caller, room, user string) (Participant, error) {
	return m.decide(ctx, by, room, user, Admitted)
}

// Reject turns one away who waits.
func (m *Meetings) Reject(ctx context.Context, by Caller, room, user string) (Participant, error) {
	return m.decide(ctx, by, room, user, Rejected)
}

func (m *Meetings) decide(ctx context.Context, by Caller, room, user string, s Status) (Participant, error) {
	if err := checkUser("user_id", user); err != nil {
		return Participant{}, err
	}
	var p Participant
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		if err := admitter(ctx, tx, by); err != nil {
			return err
		}
		waiting, err := tx.Participant(ctx, user)
		if err != nil {
			return err
		}
		if waiting == nil || waiting.Status != Waiting {
			return refuse(ParticipantNotFound, "Participant '%.255s' not found in waiting room", user)
		}
		p = *waiting
		p.Status = s
		if s == Admitted {
			if err := m.vacancy(ctx, tx); err != nil {
				return err
			}
			p.Admitted, p.Left = now(), time.Time{}
		}
		return tx.SetParticipant(ctx, p)
	})
	if err != nil {
		return Participant{}, err
	}
	act := LetIn
	if s == Rejected {
		act = TurnedAway
	}
	if s == Rejected {
		m.remove(ctx, room, user, Denied)
	}
	m.tell(ctx, room, Event{Act: act, Actor: by.User, Target: user})
	m.tell(ctx, room, Event{Act: WaitingChanged, Actor: by.User})
	m.changed(ctx, room)
	return p, nil
}

func admitter(ctx context.Context, tx Tx, by Caller) error {
	p, err := tx.Participant(ctx, by.User)
	if err == nil && !mayAdmit(by, tx.Meeting(), p) {
		err = notHost()
	}
	return err
}

// AdmitAll lets everybody in who waits, as far as there is room.
func (m *Meetings) AdmitAll(ctx context.Context, by Caller, room string) ([]Participant, error) {
	var admitted []Participant
	err := m.store.InMeeting(ctx, room, func(tx Tx) error {
		if err := admitter(ctx, tx, by); err != nil {
			return err
		}
		if limit := m.settings.MaxParticipants(room); limit > 0 {
			present, waiting, err := tx.Counts(ctx)
			if err != nil {
				return err
			}
			if present+waiting > limit {
				return refuse(MeetingFull, "%d people wait and %d are in the meeting, which holds %d", waiting, present, limit)
			}
		}
		var err error
		admitted, err = tx.AdmitWaiting(ctx, now())
		return err
	})
	if err != nil {
		return nil, err
	}
	m.tellAdmitted(ctx, room, by.User, admitted)
	m.changed(ctx, room)
	return admitted, nil
}
