package management

import (
	"context"
	"time"
)

// Entrant decides whether somebody who shows a token that was issued at a given time may be
// connected to a room now; observer says that they only wait. A nil error lets them in, with what is
// on record of them, nil when nothing is. People and rooms of which nothing is on record are let in:
// the token was enough, and it may come from another backend with the same secret, or from an open
// endpoint.
func (m *Meetings) Entrant(ctx context.Context, room, user string, observer bool, issued time.Time) (*Participant, error) {
	meeting, p, err := m.store.Look(ctx, room, user)
	if is(err, MeetingNotFound) {
		gone, err := m.store.DeletedAfter(ctx, room, issued)
		if err == nil && gone {
			err = notActive(room)
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return p, entry(meeting, p, observer, now())
}

func entry(meeting Meeting, p *Participant, observer bool, at time.Time) error {
	if p == nil {
		if !observer && meeting.EndedBy != "" {
			return notActive(meeting.Room)
		}
		return nil
	}
	// Whoever is not banned may wait for a meeting to begin, whatever became of them before.
	begun := meeting.State != Idle && running(meeting, p, at)
	if observer && !begun && !p.Banned {
		return nil
	}
	switch p.Status {
	case Admitted:
		if !observer && meeting.State == Ended && !begun {
			return notActive(meeting.Room)
		}
		return nil
	case Waiting, Left:
		switch {
		case observer:
			return nil
		case meeting.State == Ended:
			return notActive(meeting.Room)
		case p.Status == Left:
			return refuse(Removed, "You have left this meeting. Join it again.")
		}
		return refuse(Removed, "You have to wait until somebody lets you in")
	default:
		return refuse(Removed, "You have been removed from this meeting")
	}
}
