package tart

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/api/observe"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// object is a JSON object.
type object = map[string]any

// problem is a failure that is told.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// ask is a request, and what is wrong with it.
type ask struct {
	ctx context.Context
	url.Values
	id  string // of the node in the path
	now time.Time
	err error // the first mistake
}

// answer answers a request.
type answer func(*ask) (any, error)

// answering returns what serves HTTP.
func (t *TART) answering(f answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &ask{ctx: r.Context(), Values: r.URL.Query(), id: strings.ToLower(r.PathValue("id")), now: time.Now()}
		var out any
		if q.id != "" && !isNode(q.id) {
			q.wrong("the id of a node is 64 hexadecimal digits")
		}
		err := q.err
		if err == nil {
			out, err = f(q)
		}
		if _, is := errors.AsType[*archive.CursorError](err); is {
			err = &problem{http.StatusBadRequest, "cursor: is not one that this list gave"}
		}
		status := http.StatusOK
		if p, is := errors.AsType[*problem](err); is {
			status = p.status
			if out == nil {
				out = object{"error": p.text}
			}
		} else if err != nil {
			t.o.Log.ErrorContext(r.Context(), "question of TART's", "route", r.Pattern, observe.KeyErr, err)
			status, out = http.StatusInternalServerError, object{"error": "something went wrong on the server"}
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(out) // the client is gone
	}
}

// isNode reports whether id may be a node's.
func isNode(id string) bool {
	_, err := hex.DecodeString(id)
	return err == nil && len(id) == 64
}

func (q *ask) wrong(text string) {
	if q.err == nil {
		q.err = &problem{http.StatusBadRequest, text}
	}
}

// number reads a whole number, usual where there is none, and clamps it.
func (q *ask) number(field string, usual, least, most int64) int64 {
	text := q.Get(field)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		q.wrong(field + ": is not a whole number")
	}
	return min(max(n, least), most)
}

// time reads a time as RFC 3339 writes it, or the zero time.
func (q *ask) time(field string) time.Time {
	text := q.Get(field)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1 || at.Year() > 9999 {
		q.wrong(field + ": is not a time such as 2026-01-02T03:04:05Z")
	}
	return at
}

const (
	// usualPage and mostPage bound lists.
	usualPage = 50
	mostPage  = 1000

	// mostOffset is how many events may be left out before a page: each is read. Who wants to
	// go further has the cursor.
	mostOffset = 100_000
)

// page reads which part of a list is wanted.
func (q *ask) page(e *archive.EventQuery) {
	e.Limit = int(q.number("limit", usualPage, 1, mostPage))
	e.Offset = int(q.number("offset", 0, 0, mostOffset+1))
	if e.Offset > mostOffset {
		q.wrong("offset: is at most " + strconv.Itoa(mostOffset) + "; go on with cursor")
	}
	e.After = q.Get("cursor")
}

// style reads how bytes are wanted.
func (q *ask) style() catalogue.Style {
	text := q.Get("bytes")
	if text != "" && text != "hex" && text != "array" {
		q.wrong("bytes: is hex or array")
	}
	return catalogue.Style{Arrays: text == "array"}
}

// list reads words.
func (q *ask) list(field string) []string {
	if text := q.Get(field); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

// mostExact is the largest number that every reader of JSON keeps.
const mostExact = 1<<53 - 1

// exactly returns a number as JSON that nobody rounds.
func exactly(n uint64) any {
	if n <= mostExact {
		return n
	}
	return strconv.FormatUint(n, 10)
}

// at writes a time as TART does.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// maybe writes a time that may be none.
func maybe(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return at(t)
}
