package rest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/flags"
	"parley/api/management"
	"parley/api/media"
	"parley/api/token"
)

// Admin is what admins of the installation look at and change.
type Admin struct {
	// Users are the identities of admins, beside those whose session token says so.
	Users []string

	Registry *flags.Registry
	Flags    Flags

	// Members returns everybody who is in a call on any node. It blocks for a second at most.
	Members func(context.Context) []media.Member

	// Meetings and Rooms end meetings and remove people. Without them nobody can here.
	Meetings Moderation
	Rooms    management.Rooms
}

// Flags changes flags on all nodes. Its methods block until the record answers or ctx ends.
type Flags interface {
	// Apply carries an order out. It fails with a *[flags.UnknownError], a
	// *[flags.ValueError], a *[flags.FieldError], or because the record is out of reach.
	// Nil is no change.
	Apply(ctx context.Context, o flags.Order) (*flags.Change, error)

	// Changes returns the record of one flag, or of all when flag is "", newest first.
	Changes(ctx context.Context, flag string, limit, offset int) (flags.Log, error)
}

// adminTable is what admins may ask.
func (a *API) adminTable() []route {
	const at = "/api/v1/admin/"
	room := text("room", "A room; everyone when left out.")
	changes := []*huma.Param{number("limit", usualChanges, mostChanges), offset()}
	table := []route{
		asAdmin[nothing, flagsResult](a, "GET "+at+"flags", "All flags", a.listFlags),
		asAdmin[nothing, flags.State](a, "GET "+at+"flags/{name}", "One flag", a.showFlag, flagNotFound),
		asAdmin[flagBody, flagResult](a, "PUT "+at+"flags/{name}", "Set a flag", a.setFlag, flagNotFound, management.InvalidInput),
		asAdmin[flagClearing, flagResult](a, "DELETE "+at+"flags/{name}", "Take back what was set", a.clearFlag, flagNotFound).
			asking(room, text("reason", "For the record.")),
		asAdmin[nothing, changesResult](a, "GET "+at+"flags/{name}/history", "Who changed a flag", a.flagHistory, flagNotFound).asking(changes...),
		asAdmin[nothing, changesResult](a, "GET "+at+"audit", "Who changed what", a.audit).asking(changes...),
		asAdmin[nothing, roomsResult](a, "GET "+at+"rooms", "Who is in a call on any node", a.liveRooms).
			asking(number("limit", usualRooms, mostRooms), offset()),
	}
	if a.Admin.Meetings != nil {
		table = append(table,
			asAdmin[nothing, messageResult](a, "POST "+at+"meetings/{id}/end", "End a meeting", a.endMeeting, management.MeetingNotFound),
			asAdmin[Someone, messageResult](a, "POST "+at+"meetings/{id}/remove", "Remove somebody from a meeting", a.removeParticipant,
				management.InvalidInput, management.BadRequest, management.MeetingNotFound, management.ParticipantNotFound),
		)
	}
	return table
}

// adminFunc answers a request of an admin.
type adminFunc func(w http.ResponseWriter, r *http.Request, by token.Session) (any, error)

// asAdmin returns a route that lets nobody but admins through to f, which reads a body of
// type In itself and returns an Out.
func asAdmin[In, Out any](a *API, pattern, summary string, f adminFunc, codes ...management.Code) route {
	var in In
	_, optional := any(in).(interface{ mayBeMissing() })
	return route{
		pattern: pattern, summary: summary, auth: admin, status: http.StatusOK, codes: codes,
		in: shapeOf[In](), mayOmitBody: optional, out: shapeOf[Out](),
		result: func(w http.ResponseWriter, r *http.Request) (any, error) {
			s, err := a.session(r)
			if err != nil {
				return nil, err
			}
			if !a.isAdmin(s) {
				return nil, onlyAdmins()
			}
			return f(w, r, s)
		},
	}
}

func onlyAdmins() error {
	return &problem{status: http.StatusForbidden, code: string(forbidden), message: "Only admins of this installation may do that."}
}

// isAdmin reports whether s belongs to an admin of the installation.
func (a *API) isAdmin(s token.Session) bool { return s.Admin || slices.Contains(a.Admin.Users, s.User) }

// invalidField is the answer to a request in which one field is wrong.
func invalidField(field, why string) *problem {
	return &problem{status: http.StatusBadRequest, code: "INVALID_INPUT", message: field + ": " + why, field: field}
}

// slice is the part of a list that a request asks for.
type slice struct{ limit, offset int }

// sliceOf reads limit, clamped to 1 to most, and offset from a query.
func sliceOf(q url.Values, usual, most int) (slice, error) {
	s := slice{usual, 0}
	for name, at := range map[string]*int{"limit": &s.limit, "offset": &s.offset} {
		if text := q.Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				return s, invalidField(name, strconv.Quote(text[:min(len(text), 32)])+" is not a whole number")
			}
			*at = int(n)
		}
	}
	s.limit, s.offset = min(max(s.limit, 1), most), max(s.offset, 0)
	return s, nil
}

// cut returns the part of all that s names.
func cut[T any](all []T, s slice) []T {
	from := min(s.offset, len(all))
	return all[from:min(from+s.limit, len(all))]
}
