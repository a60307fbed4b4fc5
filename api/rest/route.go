package rest

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/management"
)

// route is something that can be asked. The table of them says what the mux serves and what
// the document at /openapi.json tells about it, so that the two cannot differ.
type route struct {
	pattern string // of the mux, with a method
	group   string
	summary string
	remark  string // what else to know, or ""
	auth    auth

	result func(http.ResponseWriter, *http.Request) (any, error)
	serve  http.HandlerFunc // instead of result, for answers without envelope

	in          reflect.Type // of the body, nil when there is none
	mayOmitBody bool
	query       []*huma.Param

	status   int               // of success
	out      reflect.Type      // of the result, nil when there is none
	bare     bool              // the answer has no envelope
	produces string            // content type, when it is not JSON
	codes    []management.Code // of failures, beside those that follow from the above
}

// mux remembers what it serves.
type mux struct {
	http.ServeMux
	patterns []string
}

func (m *mux) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}

func (m *mux) HandleFunc(pattern string, h http.HandlerFunc) { m.Handle(pattern, h) }

// request is what most routes need to know.
type request struct {
	*http.Request
	by      management.Caller
	session string // by which they are known, "" of guests
	room    string // as in the path, not checked
}

// nothing is the body of a route that takes none, and the result of one that has none.
type nothing struct{}

// ask returns a route that is answered with what f returns. Who calls is settled before the
// body is read.
func ask[In, Out any](a *API, who auth, pattern, summary string, f func(request, In) (Out, error), codes ...management.Code) route {
	r := route{
		pattern: pattern, summary: summary, auth: who, status: http.StatusOK, codes: codes,
		in: shapeOf[In](), out: shapeOf[Out](),
	}
	var in In
	_, r.mayOmitBody = any(in).(interface{ mayBeMissing() })
	r.result = func(w http.ResponseWriter, q *http.Request) (any, error) {
		by, session, err := a.identify(q, who)
		if err != nil {
			return nil, err
		}
		room := q.PathValue("id")
		if !isText(room) {
			return nil, &problem{status: http.StatusNotFound, code: string(management.MeetingNotFound), message: "There is no such meeting"}
		}
		var in In
		if r.in != nil {
			if err := readJSON(w, q, &in, r.mayOmitBody); err != nil {
				return nil, err
			}
		}
		out, err := f(request{q, by, session, room}, in)
		if r.out == nil {
			return nil, err
		}
		return out, err
	}
	return r
}

// shapeOf returns the type of a body, nil for none.
func shapeOf[T any]() reflect.Type {
	if t := reflect.TypeFor[T](); t != reflect.TypeFor[nothing]() {
		return t
	}
	return nil
}

// identify returns who sent r, if that is one of those who may, and the id of the session.
func (a *API) identify(r *http.Request, who auth) (by management.Caller, session string, err error) {
	switch who {
	case anybody:
		return by, "", nil
	case guest:
		by, err = a.guest(r)
		return by, "", err
	}
	s, err := a.session(r)
	if err == nil && who == admin && !a.isAdmin(s) {
		err = onlyAdmins()
	}
	return management.Caller{User: s.User, Name: s.Name, Admin: a.isAdmin(s)}, s.ID, err
}

// created returns r with the status of something new.
func (r route) created() route {
	r.status = http.StatusCreated
	return r
}

// asking returns r with what may be in the query.
func (r route) asking(query ...*huma.Param) route {
	r.query = append(r.query, query...)
	return r
}

// noting returns r with a remark.
func (r route) noting(remark string) route {
	r.remark = remark
	return r
}

// open returns a route that needs no sign-in and has no envelope.
func open(pattern, summary string, out reflect.Type, serve http.HandlerFunc) route {
	return route{pattern: pattern, summary: summary, status: http.StatusOK, bare: true, out: out, serve: serve}
}

// producing returns r with another content type than JSON.
func (r route) producing(contentType string) route {
	r.produces = contentType
	return r
}

func (r route) method() string {
	method, _, _ := strings.Cut(r.pattern, " ")
	return method
}

func (r route) path() string {
	_, path, _ := strings.Cut(r.pattern, " ")
	return path
}

// auth says who may use a route.
type auth int

const (
	anybody  auth = iota
	signedIn      // with a session
	guest         // with the token of a guest in that meeting
	admin         // with the session of an admin
)

// schemes are the ways to say who one is, as the document names them.
func (a auth) schemes() []map[string][]string {
	switch a {
	case signedIn, admin:
		return []map[string][]string{{"cookie": {}}, {"session": {}}}
	case guest:
		return []map[string][]string{{"guest": {}}}
	}
	return nil
}

// failures returns the codes of a route by status, sorted.
func (r route) failures() map[int][]management.Code {
	codes := slices.Clone(r.codes)
	if !r.bare {
		codes = append(codes, internalError)
	}
	if r.auth != anybody {
		codes = append(codes, unauthorizedCode)
	}
	if r.auth == admin {
		codes = append(codes, forbidden)
	}
	if r.method() != http.MethodGet {
		codes = append(codes, crossOrigin)
	}
	if r.in != nil {
		codes = append(codes, invalidJSON, timeout, tooLarge, unsupportedMediaType, invalidBody)
	}
	if len(r.query) > 0 {
		codes = append(codes, management.InvalidInput)
	}
	slices.Sort(codes)
	by := map[int][]management.Code{}
	for _, c := range slices.Compact(codes) {
		by[statusFor(c)] = append(by[statusFor(c)], c)
	}
	return by
}

// Codes of failures that have nothing to do with the rules of meetings.
const (
	unauthorizedCode     management.Code = "UNAUTHORIZED"
	forbidden            management.Code = "FORBIDDEN"
	crossOrigin          management.Code = "CROSS_ORIGIN"
	unavailable          management.Code = "UNAVAILABLE"
	notFoundCode         management.Code = "NOT_FOUND"
	flagNotFound         management.Code = "FLAG_NOT_FOUND"
	invalidName          management.Code = "INVALID_NAME"
	invalidJSON          management.Code = "INVALID_JSON"
	timeout              management.Code = "TIMEOUT"
	tooLarge             management.Code = "TOO_LARGE"
	tooManyStreams       management.Code = "TOO_MANY_STREAMS"
	tooManyRequests      management.Code = "TOO_MANY_REQUESTS"
	unsupportedMediaType management.Code = "UNSUPPORTED_MEDIA_TYPE"
	invalidBody          management.Code = "INVALID_BODY"
	internalError        management.Code = "INTERNAL_ERROR"
)

// statuses are those of codes; what is not here is 400.
var statuses = map[management.Code]int{
	unauthorizedCode:               http.StatusUnauthorized,
	forbidden:                      http.StatusForbidden,
	crossOrigin:                    http.StatusForbidden,
	management.NotHost:             http.StatusForbidden,
	management.NotOwner:            http.StatusForbidden,
	management.GuestsNotAllowed:    http.StatusForbidden,
	management.PasswordRequired:    http.StatusForbidden,
	management.WrongPassword:       http.StatusForbidden,
	management.NotInvited:          http.StatusForbidden,
	management.MeetingLocked:       http.StatusForbidden,
	management.MeetingFull:         http.StatusForbidden,
	management.Banned:              http.StatusForbidden,
	management.Removed:             http.StatusForbidden,
	notFoundCode:                   http.StatusNotFound,
	flagNotFound:                   http.StatusNotFound,
	management.MeetingNotFound:     http.StatusNotFound,
	management.NotInMeeting:        http.StatusNotFound,
	management.ParticipantNotFound: http.StatusNotFound,
	timeout:                        http.StatusRequestTimeout,
	management.MeetingExists:       http.StatusConflict,
	tooLarge:                       http.StatusRequestEntityTooLarge,
	unsupportedMediaType:           http.StatusUnsupportedMediaType,
	invalidBody:                    http.StatusUnprocessableEntity,
	management.TooManyAttempts:     http.StatusTooManyRequests,
	tooManyRequests:                http.StatusTooManyRequests,
	tooManyStreams:                 http.StatusTooManyRequests,
	internalError:                  http.StatusInternalServerError,
	management.Overloaded:          http.StatusServiceUnavailable,
	unavailable:                    http.StatusServiceUnavailable,
}

// retryAfter are the seconds after which to try again what failed for now.
var retryAfter = map[management.Code]string{
	management.TooManyAttempts: "10", // then there is another
	management.Overloaded:      "1",
}

// statusFor returns the HTTP status of a code.
func statusFor(c management.Code) int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return http.StatusBadRequest
}
