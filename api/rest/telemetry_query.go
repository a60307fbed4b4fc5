package rest

import (
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// telemetryAsk reads the query of a request.
type telemetryAsk struct {
	url.Values
	err error // the first mistake
}

// questions returns the query of r. What the route does not know, what is said twice and what
// no database takes are mistakes: who misspells a filter must not get everything.
func (a *API) questions(r *http.Request) *telemetryAsk {
	q := &telemetryAsk{Values: r.URL.Query()}
	known := a.telemetryQueries[r.Pattern]
	for _, name := range slices.Sorted(maps.Keys(q.Values)) {
		switch values := q.Values[name]; {
		case !slices.Contains(known, name) && len(known) == 0:
			q.wrong(nameOf(name), "is unknown here; nothing can be asked for")
		case !slices.Contains(known, name):
			q.wrong(nameOf(name), "is unknown here; there are "+strings.Join(known, ", "))
		case len(values) > 1:
			q.wrong(name, "is there more than once")
		case !isText(values[0]):
			q.wrong(name, "is not text")
		}
	}
	return q
}

// nameOf returns the name of a parameter as it can be told.
func nameOf(name string) string {
	const most = 32
	if len(name) > most {
		name = name[:most]
	}
	return strings.ToValidUTF8(name, "")
}

func (q *telemetryAsk) wrong(field, why string) {
	if q.err == nil {
		q.err = invalidField(field, why)
	}
}

// number reads a whole number that is not negative.
func (q *telemetryAsk) number(field string) (n uint64, known bool) {
	text := q.Get(field)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		q.wrong(field, "is not a whole number")
	}
	return n, true
}

func (q *telemetryAsk) optional(field string) telemetry.Number {
	n, known := q.number(field)
	return telemetry.Number{Value: n, Known: known}
}

// catalogue reads which catalogue is asked for, "" for all.
func (q *telemetryAsk) catalogue() string {
	id := q.Get("catalogue")
	if id != "" && catalogue.ByID(id) == nil {
		q.wrong("catalogue", "can be call and jip3")
	}
	return id
}

// oneOf reads a word that has to be among some, or absent.
func (q *telemetryAsk) oneOf(field string, words ...string) string {
	word := q.Get(field)
	if word != "" && !slices.Contains(words, word) {
		q.wrong(field, "can be "+strings.Join(words, " and "))
	}
	return word
}

// span reads from when until when.
func (q *telemetryAsk) span() (from, to time.Time) {
	from, to = q.time("from"), q.time("to")
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		q.wrong("to", "is not after from")
	}
	return from, to
}

// time reads Unix milliseconds.
func (q *telemetryAsk) time(field string) time.Time {
	const most = 253_402_300_800_000 // the year 10000
	n, known := q.number(field)
	if n > most {
		q.wrong(field, "is not a time in milliseconds")
		return time.Time{}
	}
	if !known {
		return time.Time{}
	}
	return time.UnixMilli(int64(n))
}

func (q *telemetryAsk) list(field string) []string {
	if text := q.Get(field); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

func (q *telemetryAsk) kind(field, text string) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		q.wrong(field, "is not the number of a kind")
	}
	return uint16(n)
}

// kinds reads numbers of kinds, and adds those of groups.
func (q *telemetryAsk) kinds() []uint16 {
	var all []uint16
	for _, text := range q.list("kinds") {
		all = append(all, q.kind("kinds", text))
	}
	for _, group := range q.list("groups") {
		before := len(all)
		if c := catalogue.ByID(q.catalogue()); c != nil {
			for _, k := range c.Kinds {
				if k.Group == group {
					all = append(all, k.Number)
				}
			}
		}
		if len(all) == before {
			q.wrong("groups", "has no such group in this catalogue")
		}
	}
	if len(all) > 0 && q.catalogue() == "" {
		q.wrong("catalogue", "has to be said together with kinds")
	}
	return all
}

func (q *telemetryAsk) classes() []telemetry.Class {
	var all []telemetry.Class
	for _, text := range q.list("classes") {
		c, ok := telemetry.ParseClass(text)
		if !ok {
			q.wrong("classes", "can be sample, meta, lifecycle and failure")
		}
		all = append(all, c)
	}
	return all
}

func (q *telemetryAsk) session() telemetry.SessionID {
	n, known := q.number("session")
	if known && (n == 0 || n >= 1<<63) {
		q.wrong("session", "is not the id of a session")
	}
	return telemetry.SessionID(n)
}

// subject reads bytes: hexadecimal, or text after a colon.
func (q *telemetryAsk) subject() []byte {
	text := q.Get("subject")
	if plain, ok := strings.CutPrefix(text, ":"); ok {
		return []byte(plain)
	}
	if text == "" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		q.wrong("subject", "is not hexadecimal, and has no colon in front")
	}
	return b
}

func (q *telemetryAsk) page() archive.Page {
	limit, known := q.number("limit")
	if !known {
		limit = usualTelemetry
	}
	return archive.Page{After: q.Get("cursor"), Limit: int(min(max(limit, 1), mostTelemetry))}
}
