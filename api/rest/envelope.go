package rest

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/api/fault"
	"parley/api/management"
	"parley/api/observe"
	"parley/api/trace"
)

// maxBody is the largest request body, in bytes; the largest sensible one is a list of a
// hundred attendees.
const maxBody = 64 << 10

// envelope is the shape of every API answer.
type envelope struct {
	Success bool `json:"success"`
	Result  any  `json:"result"`
}

// problem is a failure as the API names it.
type problem struct {
	status  int
	code    string
	message string
	detail  string        // engineering_error
	field   string        // of the request that is wrong, or ""
	retry   time.Duration // when to try again; 0 says nothing
}

func (p *problem) Error() string { return p.code + ": " + p.message }

// problemResult is the result of a failure.
type problemResult struct {
	Code    string `json:"code" doc:"For programs."`
	Message string `json:"message" doc:"For people."`
	Detail  string `json:"engineering_error,omitempty" doc:"For whoever writes the client."`
	Field   string `json:"field,omitempty" doc:"Of the request, that is wrong."`
	Request string `json:"request_id" doc:"To be found in the log, and as X-Request-Id."`
}

func unauthorized(detail string) *problem {
	return &problem{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: "Authentication required.", detail: detail}
}

// answer serves r.
func (a *API) answer(r route) http.HandlerFunc {
	if r.serve != nil {
		return r.serve
	}
	return func(w http.ResponseWriter, q *http.Request) {
		result, err := r.result(w, q)
		if err != nil {
			a.fail(w, q, err)
			return
		}
		writeJSON(w, r.status, envelope{true, result})
	}
}

// fail answers with the envelope of err, and logs what the client must not see.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*problem](err)
	if refusal, refused := errors.AsType[*management.Refusal](err); refused {
		p, ok = refusalProblem(refusal), true
		if after := retryAfter[refusal.Code]; after != "" {
			w.Header().Set("Retry-After", after)
		}
	}
	if !ok {
		p = a.explain(r, fault.From(err))
	}
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retry.Seconds()))))
	}
	writeJSON(w, p.status, envelope{false, problemResult{p.code, p.message, p.detail, p.field, requestID(r.Context())}})
}

// refusalProblem says what the rules of meetings say.
func refusalProblem(r *management.Refusal) *problem {
	return &problem{status: statusFor(r.Code), code: string(r.Code), message: r.Message, field: r.Field}
}

// explain turns a fault into what the API says about it.
func (a *API) explain(r *http.Request, e *fault.Error) *problem {
	p := &problem{status: fault.Codes[e.Code].HTTP, code: strings.ToUpper(string(e.Code)), message: e.Message, retry: e.Retry}
	if p.status >= http.StatusInternalServerError {
		id := requestID(r.Context())
		a.Log.ErrorContext(r.Context(), "request failed",
			observe.KeyRequest, id, observe.KeyTrace, trace.ID(r.Context()), "route", r.Pattern, observe.KeyErr, e)
		p.detail = "request " + id
	}
	if e.Code == fault.Internal {
		p.code = "INTERNAL_ERROR"
	}
	return p
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types; the guard answers
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that left does not want it
}

func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// readJSON decodes the body of r into v: 415 for another content type, 400 for what is no
// JSON, 422 for JSON of another shape, 413 above maxBody. Without a content type there is no
// body, which is a mistake unless it is optional.
func readJSON(w http.ResponseWriter, r *http.Request, v any, optional bool) error {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" && optional {
		return nil
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil ||
		media != "application/json" && !(strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		return &problem{status: http.StatusUnsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE", message: "Send JSON with Content-Type: application/json."}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		return malformed("there is more after the JSON value")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{status: http.StatusRequestEntityTooLarge, code: "TOO_LARGE", message: "The body is larger than 64 KiB."}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &problem{status: http.StatusRequestTimeout, code: "TIMEOUT", message: "The body took too long to arrive."}
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := e.Field[strings.LastIndexByte(e.Field, '.')+1:] // embedded structs come before it
		return &problem{
			status: http.StatusUnprocessableEntity, code: string(invalidBody), field: field,
			message: "The JSON has another shape than this route takes.", detail: cmp.Or(field, "the body") + " cannot be: " + e.Value,
		}
	}
	return malformed(err.Error())
}

func malformed(why string) *problem {
	return &problem{status: http.StatusBadRequest, code: "INVALID_JSON", message: "The body is not JSON.", detail: why}
}
