package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"parley/api/management"
	"parley/api/media"
	"parley/api/token"
)

// Moderation acts on meetings of others, on record and on all nodes. Its methods fail with a
// *[management.Refusal] when the rules say no.
type Moderation interface {
	End(ctx context.Context, by management.Caller, room string) (management.Meeting, error)
	Kick(ctx context.Context, by management.Caller, room, user string, ban bool) error
}

// messageResult says what was done.
type messageResult struct {
	Message string `json:"message"`
}

// endMeeting ends a meeting for everybody, and empties a room that has none.
func (a *API) endMeeting(_ http.ResponseWriter, r *http.Request, by token.Session) (any, error) {
	room := r.PathValue("id")
	_, err := a.Admin.Meetings.End(r.Context(), caller(by), room)
	if refusedAs(err, management.MeetingNotFound) && a.isLive(r.Context(), room, "") {
		err = a.act(r.Context(), room, management.Event{Act: management.Over, Actor: by.User, Message: management.HostEnded},
			management.MeetingNotActive)
	}
	return messageResult{fmt.Sprintf("Meeting '%s' has ended", room)}, err
}

// removeParticipant removes somebody from a meeting, also one who is not on its record.
func (a *API) removeParticipant(w http.ResponseWriter, r *http.Request, by token.Session) (any, error) {
	var body struct {
		User string `json:"user_id"`
	}
	if err := readJSON(w, r, &body, false); err != nil {
		return nil, err
	}
	if body.User == "" {
		return nil, invalidField("user_id", "is missing")
	}
	room := r.PathValue("id")
	err := a.Admin.Meetings.Kick(r.Context(), caller(by), room, body.User, false)
	if refusedAs(err, management.MeetingNotFound, management.ParticipantNotFound) && a.isLive(r.Context(), room, body.User) {
		err = a.act(r.Context(), room, management.Event{Act: management.KickedOut, Actor: by.User, Target: body.User},
			management.Removed)
	}
	return messageResult{fmt.Sprintf("Participant '%s' was removed", body.User)}, err
}

// act tells the room what happens and ends the connections of whom it is about.
func (a *API) act(ctx context.Context, room string, e management.Event, why management.Code) error {
	// Those who are told nothing are still removed.
	return errors.Join(a.Admin.Rooms.Remove(ctx, room, e.Target, why), a.Admin.Rooms.Tell(ctx, room, e))
}

// isLive reports whether a user, or anybody when user is "", is in room on any node.
func (a *API) isLive(ctx context.Context, room, user string) bool {
	return slices.ContainsFunc(a.Admin.Members(ctx), func(m media.Member) bool {
		return m.Room == media.RoomID(room) && (user == "" || m.User == user)
	})
}

// caller is an admin in the words of the rules.
func caller(s token.Session) management.Caller {
	return management.Caller{User: s.User, Name: s.Name, Admin: true}
}

// refusedAs reports whether err is a refusal with one of codes.
func refusedAs(err error, codes ...management.Code) bool {
	e, ok := errors.AsType[*management.Refusal](err)
	return ok && slices.Contains(codes, e.Code)
}
