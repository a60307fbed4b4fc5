package rest

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"parley/api/telemetry"
)

// rawJSON is a value that is JSON already.
type rawJSON = json.RawMessage

func toJSON(v any) rawJSON {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types; the guard answers
	}
	return b
}

// telemetryCatalogues is what events there are.
type telemetryCatalogues struct {
	Catalogues []rawJSON `json:"catalogues" doc:"Kinds with their fields, groups, classes, links and roll-ups."`
}

// telemetrySourceList is a page of sources.
type telemetrySourceList struct {
	Sources []telemetrySource `json:"sources"`
	Cursor  string            `json:"cursor,omitempty" doc:"For the next page; absent on the last."`
}

type telemetrySource struct {
	Catalogue string            `json:"catalogue"`
	Identity  string            `json:"source"`
	Labels    map[string]string `json:"labels" doc:"Of the last session."`
	FirstSeen int64             `json:"first_seen" doc:"Unix milliseconds."`
	LastSeen  int64             `json:"last_seen" doc:"Unix milliseconds."`
	Sessions  int64             `json:"sessions"`
	Open      int64             `json:"open_sessions"`
}

// telemetrySessionList is a page of sessions.
type telemetrySessionList struct {
	Sessions []telemetrySession `json:"sessions"`
	Cursor   string             `json:"cursor,omitempty" doc:"For the next page; absent on the last."`
}

type telemetrySession struct {
	ID         string            `json:"session" doc:"Decimal; too large for a number in JavaScript."`
	Catalogue  string            `json:"catalogue"`
	Source     string            `json:"source"`
	Room       string            `json:"room,omitempty"`
	Version    int               `json:"version"`
	Labels     map[string]string `json:"labels"`
	Parameters map[string]string `json:"parameters" doc:"Decimal."`
	Began      int64             `json:"began_at" doc:"Unix milliseconds."`
	Ended      int64             `json:"ended_at,omitempty" doc:"Unix milliseconds; absent while it goes on."`
	Reason     string            `json:"reason,omitempty" doc:"Why it ended."`
	Events     int64             `json:"events" doc:"That came, whatever became of them."`
}

func sessionShape(s *telemetry.Session) telemetrySession {
	shape := telemetrySession{
		ID: decimal(s.ID), Catalogue: s.Catalogue, Source: s.Identity, Room: s.Scope, Version: s.Version,
		Labels: s.Labels, Parameters: map[string]string{}, Began: s.Began.UnixMilli(), Ended: milliseconds(s.Ended), Reason: s.Reason, Events: int64(s.Events),
	}
	for name, v := range s.Parameters {
		shape.Parameters[name] = decimal(v)
	}
	return shape
}

// telemetryEventList is a page of events.
type telemetryEventList struct {
	Events []telemetryEvent `json:"events"`
	Cursor string           `json:"cursor,omitempty" doc:"For the next page; absent on the last."`
}

type telemetryEvent struct {
	Session   string  `json:"session" doc:"Decimal."`
	Seq       string  `json:"seq" doc:"Number of the event in its session, decimal."`
	Catalogue string  `json:"catalogue"`
	Kind      int     `json:"kind"`
	Name      string  `json:"name"`
	Group     string  `json:"group"`
	Class     string  `json:"class" enum:"sample,meta,lifecycle,failure"`
	Source    string  `json:"source"`
	Room      string  `json:"room,omitempty"`
	At        int64   `json:"at" doc:"Unix microseconds, by the clock of the source."`
	Received  int64   `json:"received_at" doc:"Unix microseconds."`
	Link      string  `json:"link,omitempty" doc:"Number of the earlier event that this one continues, decimal."`
	Subject   string  `json:"subject,omitempty" doc:"What it is about, hexadecimal."`
	Number    string  `json:"number,omitempty" doc:"Where in a long count, decimal."`
	Index     string  `json:"index,omitempty" doc:"Which of a few, decimal."`
	Fields    rawJSON `json:"fields,omitempty" doc:"As the catalogue names them. Numbers above 2^53 are strings."`
	Raw       string  `json:"raw,omitempty" doc:"Of an event that the catalogue cannot read: its bytes, hexadecimal."`
}

// eventShape shows an event with the fields that the catalogue reads from it.
func (a *API) eventShape(r *telemetry.Row, s *telemetry.Source) telemetryEvent {
	shape := telemetryEvent{
		Session: decimal(r.Session), Seq: decimal(r.Seq), Catalogue: r.Catalogue, Kind: int(r.Kind),
		Name: "unknown", Group: "unknown", Class: r.Class.String(), Source: s.Identity, Room: s.Scope,
		At: r.At, Received: r.Received, Subject: hex.EncodeToString(r.Subject),
	}
	if r.Has&telemetry.HasLink != 0 {
		shape.Link = decimal(r.Link)
	}
	if r.Has&telemetry.HasNumber != 0 {
		shape.Number = decimal(r.Number)
	}
	if r.Has&telemetry.HasIndex != 0 {
		shape.Index = decimal(r.Index)
	}
	if c := a.Telemetry.Engine.Catalogue(r.Catalogue); c != nil {
		if k, ok := c.Lookup(r.Kind); ok {
			shape.Name, shape.Group = k.Name, k.Group
		}
		if fields, err := c.Render(*s, r.Kind, r.Body); err == nil {
			shape.Fields = fields
			return shape
		}
	}
	shape.Raw = hex.EncodeToString(r.Body)
	return shape
}

// telemetryPoints are counts over time, the earliest first.
type telemetryPoints struct {
	Since  int64            `json:"since,omitempty" doc:"Unix milliseconds, when it is counted only from then on: in the minute in which the meeting began there was another of its name."`
	Points []telemetryPoint `json:"points"`
}

type telemetryPoint struct {
	At        int64   `json:"at" doc:"Unix milliseconds, when the step began."`
	Kind      int     `json:"kind" doc:"-1 is all of a source."`
	Name      string  `json:"name,omitempty"`
	Room      string  `json:"room,omitempty"`
	Source    string  `json:"source,omitempty"`
	Dimension string  `json:"dimension,omitempty" doc:"What the kind is split by."`
	Measure   string  `json:"measure" doc:"events, or what was measured."`
	Count     int64   `json:"count"`
	Sum       float64 `json:"sum"`
	TelemetrySpread
}

// TelemetrySpread are percentiles, right within 5 %.
type TelemetrySpread struct {
	P50 float64 `json:"p50,omitempty"`
	P95 float64 `json:"p95,omitempty"`
	P99 float64 `json:"p99,omitempty"`
}

func spreadOf(h telemetry.Histogram) TelemetrySpread {
	return TelemetrySpread{h.Quantile(.5), h.Quantile(.95), h.Quantile(.99)}
}

// telemetryFunnelResult is what became of beginnings.
type telemetryFunnelResult struct {
	Since   int64            `json:"since,omitempty" doc:"Unix milliseconds, when it is counted only from then on: in the minute in which the meeting began there was another of its name."`
	Kind    int              `json:"kind"`
	Name    string           `json:"name"`
	Started int64            `json:"started"`
	Stages  []telemetryStage `json:"stages"`
}

type telemetryStage struct {
	Kind  int    `json:"kind"`
	Name  string `json:"name"`
	Class string `json:"class" enum:"sample,meta,lifecycle,failure"`
	Count int64  `json:"count"`
	// The percentiles are milliseconds since the beginning.
	TelemetrySpread
}

// telemetryLosses is a page of the ledger.
type telemetryLosses struct {
	Losses []telemetryLossEntry `json:"losses"`
	Total  map[string]string    `json:"total" doc:"Events by cause, decimal, of all pages."`
	Cursor string               `json:"cursor,omitempty" doc:"For the next page; absent on the last."`
}

type telemetryLossEntry struct {
	Session string `json:"session" doc:"Decimal."`
	Cause   string `json:"cause"`
	First   string `json:"first" doc:"Number of the first event, decimal."`
	Last    string `json:"last" doc:"Of the last; those between need not all be lost."`
	Count   string `json:"count" doc:"How many are, decimal."`
	Noted   int64  `json:"noted_at" doc:"Unix milliseconds."`
}

func lossShape(e *telemetry.Entry) telemetryLossEntry {
	return telemetryLossEntry{
		Session: decimal(e.Session), Cause: e.Cause.String(), First: decimal(e.First), Last: decimal(e.Last),
		Count: decimal(e.Count), Noted: e.Noted.UnixMilli(),
	}
}

// telemetryForgotten says how much is not on record any more.
type telemetryForgotten struct {
	Events int64 `json:"events"`
}

func decimal[N telemetry.SessionID | uint64](n N) string {
	return strconv.FormatUint(uint64(n), 10)
}
