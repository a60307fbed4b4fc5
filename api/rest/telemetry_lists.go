package rest

import (
	"context"
	"strconv"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

func (a *API) telemetrySources(r request, _ nothing) (telemetrySourceList, error) {
	q := a.questions(r.Request)
	ask := archive.SourceQuery{Catalogue: q.catalogue(), Identity: q.Get("source"), Page: q.page()}
	if q.err != nil {
		return telemetrySourceList{}, q.err
	}
	sources, cursor, err := a.Telemetry.Archive.Sources(r.Context(), ask)
	list := telemetrySourceList{Sources: []telemetrySource{}, Cursor: cursor}
	for _, s := range sources {
		list.Sources = append(list.Sources, telemetrySource{
			Catalogue: s.Catalogue, Identity: s.Identity, Labels: s.Labels, FirstSeen: s.FirstSeen.UnixMilli(), LastSeen: s.LastSeen.UnixMilli(),
			Sessions: s.Sessions, Open: s.Open,
		})
	}
	return list, telemetryProblem(err)
}

func (a *API) telemetrySessions(r request, _ nothing) (telemetrySessionList, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetrySessionList{}, err
	}
	from, to := q.span()
	ask := archive.SessionQuery{
		ID: q.session(), Catalogue: may.catalogue(q.catalogue()), Source: q.Get("source"), Scopes: may.scopes, Open: q.oneOf("open", "true", "false") == "true",
		From: may.from(from), To: to, Page: q.page(),
	}
	if q.err != nil {
		return telemetrySessionList{}, q.err
	}
	sessions, cursor, err := a.Telemetry.Archive.Sessions(r.Context(), ask)
	list := telemetrySessionList{Sessions: []telemetrySession{}, Cursor: cursor}
	for i := range sessions {
		list.Sessions = append(list.Sessions, sessionShape(&sessions[i]))
	}
	return list, telemetryProblem(err)
}

func (a *API) telemetryEvents(r request, _ nothing) (telemetryEventList, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetryEventList{}, err
	}
	from, to := q.span()
	ask := archive.EventQuery{
		Catalogue: may.catalogue(q.catalogue()), Kinds: q.kinds(), Classes: q.classes(), Source: q.Get("source"), Scopes: may.scopes,
		Subject: q.subject(), Number: q.optional("number"), Index: q.optional("index"),
		From: may.from(from), To: to, Page: q.page(),
	}
	if id := q.session(); id != 0 {
		ask.Sessions = []telemetry.SessionID{id}
	}
	if q.err != nil {
		return telemetryEventList{}, q.err
	}
	events, cursor, err := a.Telemetry.Archive.Events(r.Context(), ask)
	list := telemetryEventList{Events: []telemetryEvent{}, Cursor: cursor}
	for i := range events {
		list.Events = append(list.Events, a.eventShape(&events[i].Row, &events[i].Session.Source))
	}
	return list, telemetryProblem(err)
}

// eventsMeasure is how the number of events is called.
const eventsMeasure = "events"

func (a *API) telemetryRollups(r request, _ nothing) (telemetryPoints, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetryPoints{}, err
	}
	from, to := q.span()
	by := q.oneOf("by", "source", "room")
	if by != "source" && q.Get("source") != "" {
		q.wrong("source", "needs by=source")
	}
	if by == "source" && q.Get("kinds") != "" {
		q.wrong("kinds", "cannot be said together with by=source, which counts them together")
	}
	ask := archive.RollupQuery{
		Catalogue: may.catalogue(q.catalogue()), Kinds: q.kinds(), Source: q.Get("source"), Scopes: may.scopes,
		BySource: by == "source", ByScope: by == "room", Measures: q.list("measures"),
		From: from, To: to, Step: q.step(),
	}
	for i, m := range ask.Measures {
		if m == eventsMeasure {
			ask.Measures[i] = ""
		}
	}
	q.since(&ask, may, time.Hour)
	if q.err != nil {
		return telemetryPoints{}, q.err
	}
	since, err := a.apart(r.Context(), may, &ask)
	if err != nil {
		return telemetryPoints{}, err
	}
	points, err := a.Telemetry.Archive.Rollups(r.Context(), ask)
	list := telemetryPoints{Since: since, Points: []telemetryPoint{}}
	for _, p := range points {
		shape := telemetryPoint{
			At: p.Bucket.UnixMilli(), Kind: int(p.Kind), Name: a.kindName(ask.Catalogue, p.Kind), Room: p.Scope, Source: p.Source,
			Dimension: p.Dimension, Measure: p.Measure, Count: int64(p.Count), Sum: p.Sum, TelemetrySpread: spreadOf(p.Histogram),
		}
		if shape.Measure == "" {
			shape.Measure = eventsMeasure
		}
		list.Points = append(list.Points, shape)
	}
	return list, telemetryProblem(err)
}

func (a *API) telemetryFunnel(r request, _ nothing) (telemetryFunnelResult, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetryFunnelResult{}, err
	}
	from, to := q.span()
	ask := archive.RollupQuery{Catalogue: may.catalogue(q.catalogue()), Scopes: may.scopes, From: from, To: to}
	kind := q.kind("kind", q.Get("kind"))
	q.since(&ask, may, 24*time.Hour)
	if q.err == nil {
		if _, ok := a.Telemetry.Engine.Catalogue(ask.Catalogue).Lookup(kind); !ok {
			q.wrong("kind", "is not one of this catalogue")
		}
	}
	if q.err != nil {
		return telemetryFunnelResult{}, q.err
	}
	since, err := a.apart(r.Context(), may, &ask)
	if err != nil {
		return telemetryFunnelResult{}, err
	}
	started, stages, err := a.Telemetry.Archive.Funnel(r.Context(), kind, ask)
	result := telemetryFunnelResult{Since: since, Kind: int(kind), Name: a.kindName(ask.Catalogue, int32(kind)), Started: int64(started), Stages: []telemetryStage{}}
	for _, s := range stages {
		shape := telemetryStage{Kind: int(s.Kind), Name: a.kindName(ask.Catalogue, int32(s.Kind)), Class: telemetry.Meta.String(), Count: int64(s.Count), TelemetrySpread: spreadOf(s.Histogram)}
		if k, ok := a.Telemetry.Engine.Catalogue(ask.Catalogue).Lookup(s.Kind); ok {
			shape.Class = k.Class.String()
		}
		result.Stages = append(result.Stages, shape)
	}
	return result, telemetryProblem(err)
}

func (a *API) telemetryLoss(r request, _ nothing) (telemetryLosses, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetryLosses{}, err
	}
	from, to := q.span()
	ask := archive.LossQuery{Catalogue: may.catalogue(q.catalogue()), Session: q.session(), Scopes: may.scopes, From: may.from(from), To: to, Page: q.page()}
	for _, name := range q.list("causes") {
		c, ok := telemetry.ParseCause(name)
		if !ok {
			q.wrong("causes", "has no "+strconv.Quote(name[:min(len(name), 32)]))
		}
		ask.Causes = append(ask.Causes, c)
	}
	if q.err != nil {
		return telemetryLosses{}, q.err
	}
	list := telemetryLosses{Losses: []telemetryLossEntry{}, Total: map[string]string{}}
	losses, cursor, err := a.Telemetry.Archive.Losses(r.Context(), ask)
	if err != nil {
		return list, telemetryProblem(err)
	}
	total, err := a.Telemetry.Archive.Lost(r.Context(), ask)
	for i := range losses {
		list.Losses = append(list.Losses, lossShape(&losses[i]))
	}
	for cause, n := range total {
		list.Total[cause.String()] = decimal(n)
	}
	list.Cursor = cursor
	return list, err
}

// step reads the length of steps.
func (q *telemetryAsk) step() time.Duration {
	n, known := q.number("step")
	if !known {
		return time.Minute
	}
	if n%60 != 0 || n > 366*24*3600 {
		q.wrong("step", "is not of whole minutes, or longer than a year")
	}
	return time.Duration(n) * time.Second
}

// since checks what roll-ups are asked for, and bounds the time.
func (q *telemetryAsk) since(ask *archive.RollupQuery, may reach, usual time.Duration) {
	if ask.Catalogue == "" {
		q.wrong("catalogue", "has to be call or jip3")
	}
	if ask.From.IsZero() {
		ask.From = time.Now().Add(-usual)
	}
	ask.From = may.from(ask.From)
}

// apart has roll-ups, which are of whole minutes, begin where they are of the meeting alone. When
// that is later than what was asked for it is returned, in Unix milliseconds.
func (a *API) apart(ctx context.Context, may reach, ask *archive.RollupQuery) (since int64, err error) {
	if may.since.IsZero() || ask.From.Truncate(time.Minute).After(may.since) {
		return 0, nil
	}
	from, err := a.Telemetry.Archive.CountedSince(ctx, ask.Catalogue, may.scopes, may.since)
	if err != nil || !from.After(ask.From) {
		return 0, err
	}
	ask.From = from
	return from.UnixMilli(), nil
}

// kindName returns the name of a kind, "" of what is none.
func (a *API) kindName(catalogue string, kind int32) string {
	if c := a.Telemetry.Engine.Catalogue(catalogue); c != nil && kind >= 0 {
		k, _ := c.Lookup(uint16(kind))
		return k.Name
	}
	return ""
}
