package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/management"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
	"parley/api/token"
)

// Telemetry is what became of events. Without an engine there are no routes.
type Telemetry struct {
	Engine  *telemetry.Engine
	Archive *archive.Archive
	Live    *live.Cluster // the events of all nodes as they come
	// Flush waits for whoever feeds the engine as well. Nil waits for the engine alone.
	Flush func(context.Context) error
	// Participant returns how telemetry calls a user. Nil: nobody can be forgotten by identity.
	Participant func(user string) string
}

// usualTelemetry and mostTelemetry bound one page.
const (
	usualTelemetry = 100
	mostTelemetry  = 1000
)

// telemetryTable is what admins may ask of everything, and hosts of their meetings.
func (a *API) telemetryTable() []route {
	const at = "/api/v1/telemetry/"
	page := []*huma.Param{
		number("limit", usualTelemetry, mostTelemetry),
		text("cursor", "Where an answer before this one ended."),
	}
	span := []*huma.Param{text("from", "Unix milliseconds."), text("to", "Unix milliseconds, not included.")}
	catalogue := text("catalogue", "call, jip3")
	room := text("room", "A meeting. Hosts have to say which of theirs.")
	session, source := text("session", "Id of a session."), text("source", "Identity of a source.")
	kinds := []*huma.Param{
		text("kinds", "Numbers, separated by commas. Together with a catalogue."),
		text("groups", "Names of groups, likewise."), text("classes", "sample, meta, lifecycle, failure; several with commas."),
	}
	codes := []management.Code{management.InvalidInput, management.NotHost, management.MeetingNotFound}
	const hosts = "For admins, and for hosts of the room."
	stream := route{
		pattern: "GET " + at + "stream", summary: "Events as they come", auth: signedIn,
		status: http.StatusOK, produces: "text/event-stream", bare: true, serve: a.telemetryStream,
		codes: append(codes, tooManyStreams),
		query: slices.Concat([]*huma.Param{catalogue, room, session, source}, kinds, []*huma.Param{
			text("cursor", "Where a stream before this one ended, unless the header Last-Event-ID says it."),
		}),
		remark: hosts + " Events of all nodes. Server-sent events: event (an id is a cursor, for any node), lagged with the number of events that " +
			"went by unread, restarted when a cursor is of a node that is gone: of its events those come that are on record. An upgrade to " +
			"WebSocket gets the same as messages with type, cursor and event or lagged.",
	}
	table := []route{
		ask(a, signedIn, "GET "+at+"catalogue", "What events there are", a.telemetryCatalogue, management.InvalidInput),
		ask(a, admin, "GET "+at+"sources", "Who sent events", a.telemetrySources, management.InvalidInput).
			asking(catalogue, source).asking(page...),
		ask(a, signedIn, "GET "+at+"sessions", "Their connections", a.telemetrySessions, codes...).
			asking(catalogue, room, session, source, text("open", "true: only those that go on.")).asking(span...).asking(page...).
			noting(hosts + " The latest first."),
		ask(a, signedIn, "GET "+at+"events", "Events on record", a.telemetryEvents, codes...).
			asking(catalogue, room, session, source).asking(kinds...).
			asking(text("subject", "What they are about: hexadecimal, or text after a colon."), text("number", "Where in a long count."), text("index", "Which of a few.")).
			asking(span...).asking(page...).noting(hosts + " The last received first."),
		ask(a, signedIn, "GET "+at+"rollups", "Counts and percentiles over time", a.telemetryRollups, codes...).
			asking(catalogue, room, source, kinds[0], text("measures", "Names, separated by commas; events for their number."),
				text("by", "source: all kinds of each source. room: each room on its own."), text("step", "Seconds, of whole minutes; 0 is all in one.")).
			asking(span...).noting(hosts + " Without a time of the last hour."),
		ask(a, signedIn, "GET "+at+"funnels", "What became of beginnings", a.telemetryFunnel, codes...).
			asking(catalogue, room, text("kind", "Number of the kind that begins.")).asking(span...).
			noting(hosts + " How many events of a kind there were, and which events continued them after how long. Without a time of the last day."),
		ask(a, signedIn, "GET "+at+"loss", "What is not on record", a.telemetryLoss, codes...).
			asking(catalogue, room, session, text("causes", "Names, separated by commas.")).asking(span...).asking(page...).
			noting(hosts + " The sums are of everything that was asked for, on all pages."),
		ask(a, signedIn, "GET "+at+"diagnosis", "Why a call is bad, or was", a.telemetryDiagnosis, codes...).
			asking(room, session).asking(span...).
			noting(hosts + " For each participant and direction the likely cause, with the evidence, and what is not known. Without a time of the " +
				"last seconds; of a session, of the time it lasted, and of that participant alone. At most six hours."),
		ask(a, signedIn, "GET "+at+"people", "Who is who", a.telemetryPeople, management.InvalidInput, management.NotHost, management.MeetingNotFound).
			asking(room).noting(hosts + " Names of those who are or were in a meeting, by what telemetry calls them."),
		ask(a, admin, "POST "+at+"flush", "Wait until everything is on record", a.telemetryFlush, unavailable).
			noting("What this node took in before the request can be read after the answer."),
		stream,
		asAdmin[nothing, telemetryForgotten](a, "DELETE "+at+"people/{user}", "Forget somebody", a.telemetryForget, unavailable).
			noting("Takes everything out of the record that the devices of a user sent; counts of all people stay. For requests of people " +
				"to be forgotten. What they do afterwards is on record again."),
	}
	a.telemetryQueries = map[string][]string{}
	for _, r := range table {
		for _, p := range r.query {
			a.telemetryQueries[r.pattern] = append(a.telemetryQueries[r.pattern], p.Name)
		}
	}
	return table
}

// reach is what of telemetry somebody may see.
type reach struct {
	scopes []string  // nil is all
	since  time.Time // when the meeting of that name was made

	// calls is whether only calls may be seen: scopes of other catalogues are no meetings, and
	// may have the same name.
	calls bool
}

// catalogue returns the catalogue to look at, of the one that is asked for.
func (r reach) catalogue(asked string) string {
	if r.calls {
		return catalogue.Call().ID
	}
	return asked
}

// from returns the later one of what is asked for and what may be seen.
func (r reach) from(asked time.Time) time.Time {
	if asked.Before(r.since) {
		return r.since
	}
	return asked
}

// reach returns what of telemetry a caller may see of a room: everything as an admin, the
// room as one of its hosts.
func (a *API) reach(ctx context.Context, by management.Caller, room string) (reach, error) {
	if by.Admin {
		if room == "" {
			return reach{}, nil
		}
		return reach{scopes: []string{room}}, nil
	}
	if room == "" {
		return reach{}, invalidField("room", "has to be one of your meetings")
	}
	meeting, p, err := a.Meetings.Get(ctx, by, room)
	if err != nil {
		return reach{}, err
	}
	if !owns(by, meeting) && (p == nil || !p.Host || !p.Inside()) {
		return reach{}, &problem{status: http.StatusForbidden, code: string(management.NotHost), message: "Only hosts of the meeting may see this."}
	}
	return reach{scopes: []string{room}, since: meeting.Created, calls: true}, nil
}

// asked reads what all lists have in common.
func (a *API) asked(r request) (*telemetryAsk, reach, error) {
	q := a.questions(r.Request)
	if q.err != nil {
		return q, reach{}, q.err
	}
	may, err := a.reach(r.Context(), r.by, q.Get("room"))
	return q, may, err
}

// telemetryProblem says what is wrong with a question that the archive did not answer.
func telemetryProblem(err error) error {
	if _, ok := errors.AsType[*archive.CursorError](err); ok {
		return invalidField("cursor", "is not one that this list gave")
	}
	if many, ok := errors.AsType[archive.TooManyError](err); ok {
		return invalidField("step", many.Error())
	}
	return err
}

func (a *API) telemetryCatalogue(r request, _ nothing) (telemetryCatalogues, error) {
	all := telemetryCatalogues{Catalogues: []rawJSON{}}
	if q := a.questions(r.Request); q.err != nil {
		return all, q.err
	}
	for _, c := range a.Telemetry.Engine.Catalogues {
		all.Catalogues = append(all.Catalogues, toJSON(c.Describe()))
	}
	return all, nil
}

func (a *API) telemetryForget(_ http.ResponseWriter, r *http.Request, _ token.Session) (any, error) {
	if err := a.Telemetry.Engine.Flush(r.Context()); err != nil { // else what waits came afterwards
		a.Log.WarnContext(r.Context(), "flush of telemetry", "err", err)
		return nil, &problem{status: statusFor(unavailable), code: string(unavailable), message: "Not everything could be put on record."}
	}
	events, err := a.Telemetry.Archive.Forget(r.Context(), catalogue.Call().ID, a.Telemetry.Participant(r.PathValue("user")))
	return telemetryForgotten{events}, err
}

func (a *API) telemetryFlush(r request, _ nothing) (messageResult, error) {
	flush := a.Telemetry.Flush
	if flush == nil {
		flush = a.Telemetry.Engine.Flush
	}
	if err := flush(r.Context()); err != nil {
		a.Log.WarnContext(r.Context(), "flush of telemetry", "err", err)
		return messageResult{}, &problem{status: statusFor(unavailable), code: string(unavailable), message: "Not everything could be put on record."}
	}
	return messageResult{"Everything is on record."}, nil
}
