package rest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

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

	// Members returns everybody who is in a call on any node. It must not block.
	Members func() []media.Member

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

func (a *API) adminRoutes() {
	a.mux.HandleFunc("GET /admin", a.page.index)
	routes := map[string]adminFunc{
		"GET /api/v1/admin/flags":                a.listFlags,
		"GET /api/v1/admin/flags/{name}":         a.showFlag,
		"PUT /api/v1/admin/flags/{name}":         a.setFlag,
		"DELETE /api/v1/admin/flags/{name}":      a.clearFlag,
		"GET /api/v1/admin/flags/{name}/history": a.flagHistory,
		"GET /api/v1/admin/audit":                a.audit,
		"GET /api/v1/admin/rooms":                a.liveRooms,
	}
	if a.Admin.Meetings != nil {
		routes["POST /api/v1/admin/meetings/{id}/end"] = a.endMeeting
		routes["POST /api/v1/admin/meetings/{id}/remove"] = a.removeParticipant
	}
	for pattern, f := range routes {
		a.mux.HandleFunc(pattern, a.answer(a.asAdmin(f)))
	}
}

// adminFunc answers a request of an admin.
type adminFunc func(w http.ResponseWriter, r *http.Request, by token.Session) (any, error)

// asAdmin lets nobody but admins through to f.
func (a *API) asAdmin(f adminFunc) func(http.ResponseWriter, *http.Request) (any, error) {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		s, err := a.session(r)
		if err != nil {
			return nil, err
		}
		if !a.isAdmin(s) {
			return nil, &problem{status: http.StatusForbidden, code: "FORBIDDEN", message: "Only admins of this installation may do that."}
		}
		return f(w, r, s)
	}
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
