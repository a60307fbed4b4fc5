package management

import (
	"context"
	"strings"
)

// asHost runs do for a host of a meeting that is not over; target is the participant called
// user, nil when user is "".
func (m *Meetings) asHost(ctx context.Context, by Caller, room, user string, do func(tx Tx, target *Participant) error) error {
	return m.store.InMeeting(ctx, room, func(tx Tx) error {
		if tx.Meeting().State == Ended {
			return noMeeting(room) // as existing clients expect
		}
		p, err := tx.Participant(ctx, by.User)
		if err != nil {
			return err
		}
		if !by.Admin && (p == nil || !p.Inside() || !p.Host) {
			return notHost()
		}
		var target *Participant
		if user != "" {
			if target, err = tx.Participant(ctx, user); err != nil {
				return err
			}
			if target == nil {
				return refuse(ParticipantNotFound, "Participant '%.255s' not found", user)
			}
		}
		return do(tx, target)
	})
}

func checkTarget(by Caller, user, what string) error {
	if err := checkUser("user_id", user); err != nil {
		return err
	}
	if user == by.User {
		return refuse(BadRequest, "You cannot %s yourself", what)
	}
	return nil
}

// Silence tells somebody's client, or everybody's but the caller's when user is "", to switch
// off a source: act is [Mute], [CameraOff], [StopScreenShare] or [LowerHand].
func (m *Meetings) Silence(ctx context.Context, by Caller, room, user string, act Act) error {
	if user != "" {
		if err := checkTarget(by, user, strings.ReplaceAll(string(act), "_", " ")); err != nil {
			return err
		}
	}
	err := m.asHost(ctx, by, room, user, func(_ Tx, target *Participant) error {
		if target != nil && !target.Inside() {
			return refuse(ParticipantNotFound, "Participant '%.255s' is not in the meeting", user)
		}
		return nil
	})
	if err == nil {
		m.tell(ctx, room, Event{Act: act, Actor: by.User, Target: user})
	}
	return err
}

// Kick removes somebody; with ban they cannot ask to come in again, and without it who was
// banned stays so. Only admins can remove the owner, who can come back.
func (m *Meetings) Kick(ctx context.Context, by Caller, room, user string, ban bool) error {
	if err := checkTarget(by, user, "remove"); err != nil {
		return err
	}
	waited := false
	err := m.asHost(ctx, by, room, user, func(tx Tx, target *Participant) error {
		waited = target.Status == Waiting
		if target.User == tx.Meeting().Owner && !by.Admin {
			return refuse(BadRequest, "The owner of a meeting cannot be removed from it")
		}
		target.Status, target.Host, target.Banned, target.Left = Kicked, false, target.Banned || ban, now()
		return tx.SetParticipant(ctx, *target)
	})
	if err != nil {
		return err
	}
	m.remove(ctx, room, user, Removed)
	m.tell(ctx, room, Event{Act: KickedOut, Actor: by.User, Target: user})
	if waited {
		m.tell(ctx, room, Event{Act: WaitingChanged, Actor: by.User})
	}
	m.changed(ctx, room)
	return nil
}

// Unban lets somebody who was banned ask again.
func (m *Meetings) Unban(ctx context.Context, by Caller, room, user string) error {
	if err := checkUser("user_id", user); err != nil {
		return err
	}
	return m.asHost(ctx, by, room, user, func(tx Tx, target *Participant) error {
		target.Banned = false
		return tx.SetParticipant(ctx, *target)
	})
}

// GrantHost gives the host role to somebody inside; with handOver the caller gives it up.
// Guests cannot have it.
func (m *Meetings) GrantHost(ctx context.Context, by Caller, room, user string, handOver bool) error {
	if err := checkTarget(by, user, "transfer host to"); err != nil {
		return err
	}
	err := m.asHost(ctx, by, room, user, func(tx Tx, target *Participant) error {
		switch {
		case target.Guest:
			return refuse(BadRequest, "A guest cannot be host")
		case !target.Inside():
			return refuse(BadRequest, "target is not an admitted participant")
		}
		target.Host = true
		if err := tx.SetParticipant(ctx, *target); err != nil || !handOver {
			return err
		}
		return demote(ctx, tx, by.User)
	})
	if err != nil {
		return err
	}
	// In this order, so that nobody sees a meeting without a host.
	m.tell(ctx, room, Event{Act: HostGranted, Actor: by.User, Target: user})
	if handOver {
		m.tell(ctx, room, Event{Act: HostRevoked, Actor: by.User, Target: by.User})
	}
	m.changed(ctx, room)
	return nil
}

func demote(ctx context.Context, tx Tx, user string) error {
	p, err := tx.Participant(ctx, user)
	if err != nil || p == nil {
		return err // an admin from outside has nothing to give up
	}
	p.Host = false
	return tx.SetParticipant(ctx, *p)
}

// RevokeHost takes the host role from somebody, but not from the owner, and not from the
// last host. Who has none keeps none, which nobody is told.
func (m *Meetings) RevokeHost(ctx context.Context, by Caller, room, user string) error {
	if err := checkUser("user_id", user); err != nil {
		return err
	}
	was := false
	err := m.asHost(ctx, by, room, user, func(tx Tx, target *Participant) error {
		if was = target.Host && target.Inside(); !was {
			return nil
		}
		if target.User == tx.Meeting().Owner && user != by.User {
			return refuse(BadRequest, "The owner of a meeting stays its host")
		}
		hosts, err := tx.OtherHosts(ctx, user)
		if err != nil {
			return err
		}
		if hosts == 0 {
			return refuse(BadRequest, "A meeting needs a host: give the role to somebody else first")
		}
		target.Host = false
		return tx.SetParticipant(ctx, *target)
	})
	if err == nil && was {
		m.tell(ctx, room, Event{Act: HostRevoked, Actor: by.User, Target: user})
		m.changed(ctx, room)
	}
	return err
}

// Rename gives a participant another display name: their own, or that of another when the
// caller is host.
func (m *Meetings) Rename(ctx context.Context, by Caller, room, user, name string) (Answer, error) {
	name, err := CleanName(name)
	if err != nil {
		return Answer{}, err
	}
	if name == "" {
		return Answer{}, invalid("display_name", "A display name must not be empty")
	}
	var a Answer
	change := func(tx Tx, p *Participant) error {
		if p == nil || p.Status != Admitted && p.Status != Waiting {
			return notIn(room)
		}
		p.DisplayName = name
		a = Answer{*p, tx.Meeting()}
		if p.User == a.Meeting.Owner {
			a.Meeting.HostName = name
			if err := tx.SetMeeting(ctx, a.Meeting); err != nil {
				return err
			}
		}
		return tx.SetParticipant(ctx, *p)
	}
	if user == "" || user == by.User {
		user = by.User
		err = m.store.InMeeting(ctx, room, func(tx Tx) error {
			p, err := tx.Participant(ctx, by.User)
			if err != nil {
				return err
			}
			return change(tx, p)
		})
	} else if err = checkUser("user_id", user); err == nil {
		err = m.asHost(ctx, by, room, user, change)
	}
	if err != nil {
		return Answer{}, err
	}
	m.tell(ctx, room, Event{Act: Renamed, Actor: by.User, Target: user, Name: name})
	if a.Status == Waiting {
		m.tell(ctx, room, Event{Act: WaitingChanged, Actor: user})
	}
	return a, nil
}
