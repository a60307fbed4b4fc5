package rest

import (
	"cmp"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// tartQuery reads numbers of a query; bad remembers that one is none.
type tartQuery struct {
	url.Values
	bad bool
}

// number reads a whole number, clamped to a range.
func (q *tartQuery) number(name string, usual, least, most int64) int64 {
	text := q.Get(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		q.bad = true
	}
	return min(max(n, least), most)
}

// time reads a time as RFC 3339.
func (q *tartQuery) time(name string) time.Time {
	text := q.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.bad = true
	}
	return t
}

// duration reads one of the times that are permitted.
func (q *tartQuery) duration(usual time.Duration) time.Duration {
	switch text := q.Get("duration"); text {
	case "":
	case "5m", "15m", "1h", "6h", "24h":
		usual, _ = time.ParseDuration(text)
	default:
		q.bad = true
	}
	return usual
}

const (
	usualTartEvents = 50
	mostTartEvents  = 1000
	mostTartOffset  = 1_000_000
)

// page reads limit and offset.
func (q *tartQuery) page(to *archive.EventQuery) {
	to.Catalogue = tartCatalogue
	to.Limit = int(q.number("limit", usualTartEvents, 1, mostTartEvents))
	to.Offset = int(q.number("offset", 0, 0, mostTartOffset))
}

// tartEventsOf answers with a page of events: the newest received, and of those the newest
// that happened first.
func (a *API) tartEventsOf(r *http.Request, ask archive.EventQuery) (events []tartEvent, more bool, err error) {
	found, next, err := a.Telemetry.Archive.Events(r.Context(), ask)
	slices.SortStableFunc(found, func(a, b archive.StoredEvent) int { return cmp.Compare(b.At, a.At) })
	events = []tartEvent{}
	for i := range found {
		events = append(events, tartEventOf(&found[i].Row, &found[i].Session.Source))
	}
	return events, next != "", err
}

func (a *API) tartEvents(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	var ask archive.EventQuery
	q.page(&ask)
	return a.tartPage(r, q, ask)
}

func (a *API) tartNodeEvents(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	var ask archive.EventQuery
	q.page(&ask)
	id, ok := nodeID(r)
	ask.Source, q.bad = id, q.bad || !ok
	return a.tartPage(r, q, ask)
}

func (a *API) tartPage(r *http.Request, q *tartQuery, ask archive.EventQuery) (any, int) {
	if q.bad {
		return nil, http.StatusBadRequest
	}
	events, more, err := a.tartEventsOf(r, ask)
	if err != nil {
		return a.broken(r, err)
	}
	return map[string]any{"events": events, "has_more": more}, http.StatusOK
}

// searchTime is what a search without a beginning looks through.
const searchTime = time.Hour

func (a *API) tartSearch(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	var ask archive.EventQuery
	q.page(&ask)
	for _, text := range strings.Split(q.Get("event_types"), ",") {
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 8)
		q.bad = q.bad || err != nil
		ask.Kinds = append(ask.Kinds, uint16(n))
	}
	ask.Source = strings.ToLower(q.Get("node_id"))
	if text := q.Get("core_index"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		q.bad = q.bad || err != nil
		ask.Index = telemetry.Of(n)
	}
	if text := q.Get("wp_hash"); text != "" {
		hash, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
		q.bad = q.bad || err != nil
		ask.Subject = hash
	}
	ask.From, ask.To = q.time("start_time"), q.time("end_time")
	if ask.From.IsZero() {
		ask.From = time.Now().Add(-searchTime)
	}
	if q.bad {
		return nil, http.StatusBadRequest
	}
	events, more, err := a.tartEventsOf(r, ask)
	if err != nil {
		return a.broken(r, err)
	}
	var total *int // nobody counts those that are not shown
	if !more {
		n := ask.Offset + len(events)
		total = &n
	}
	return map[string]any{
		"events": events, "total": total, "limit": ask.Limit, "offset": ask.Offset, "has_more": more, "timestamp": tartTime(time.Now()),
	}, http.StatusOK
}
