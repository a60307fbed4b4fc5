package tart

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// event is an event as lists show it.
type event struct {
	Node     string          `json:"node_id"`
	Number   any             `json:"event_id"` // in its connection
	Kind     uint16          `json:"event_type"`
	Category string          `json:"category"`   // as timelines name it
	At       string          `json:"timestamp"`  // by the clock of the node
	Received string          `json:"created_at"` // by ours
	Data     json.RawMessage `json:"data"`
	Name     string          `json:"node_name"`
	Version  string          `json:"node_version"`
}

// shapeOf shows an event.
func shapeOf(r *telemetry.Row, s *telemetry.Source, style catalogue.Style) event {
	return event{
		Node: s.Identity, Number: exactly(r.Seq), Kind: r.Kind, Category: categoryOf(r.Kind), At: at(time.UnixMicro(r.At)), Received: at(time.UnixMicro(r.Received)),
		Data: dataOf(r, s, style), Name: s.Labels["implementation_name"], Version: s.Labels["implementation_version"],
	}
}

// dataOf is the event itself. What cannot be read has its bytes instead of fields.
func dataOf(r *telemetry.Row, s *telemetry.Source, style catalogue.Style) json.RawMessage {
	p := catalogue.ParamsOf(*s)
	micros := kinds.Micros(time.UnixMicro(r.At))
	name := "Unknown"
	if k := kinds.Kind(p.Version, r.Kind); k != nil {
		if text, err := k.AppendEvent(nil, micros, p, r.Body, style); err == nil {
			return text
		}
		name = k.Name
	}
	text, _ := json.Marshal(object{name: object{"timestamp": exactly(micros), "event_type": r.Kind, "raw": hex.EncodeToString(r.Body)}}) // such always marshal
	return text
}

// list reads events.
func (t *TART) list(q *ask, ask archive.EventQuery) (all []event, next string, err error) {
	style := q.style()
	if q.err != nil {
		return nil, "", q.err
	}
	ask.Catalogue = kinds.ID
	stored, next, err := t.o.Archive.Events(q.ctx, ask)
	all = make([]event, len(stored))
	for i := range stored {
		all[i] = shapeOf(&stored[i].Row, &stored[i].Session.Source, style)
	}
	return all, next, err
}

// pageOf answers with a part of a list.
func pageOf(all []event, next string, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	o := object{"events": all, "has_more": next != ""}
	if next != "" {
		o["cursor"] = next
	}
	return o, nil
}

func (t *TART) events(q *ask) (any, error) {
	var ask archive.EventQuery
	q.page(&ask)
	return pageOf(t.list(q, ask))
}

func (t *TART) nodeEvents(q *ask) (any, error) {
	ask := archive.EventQuery{Source: q.id}
	q.page(&ask)
	return pageOf(t.list(q, ask))
}

// searchTime is how far back a search goes that does not say.
const searchTime = time.Hour

// Kinds that say which core, and which work package, what they continue is about.
var (
	ofCore    = kindsWith("core", "CoreIndex")
	ofPackage = kindsWith("", "WorkPackageHash")
)

// kindsWith lists the kinds that are found by a value of that type. A name is that of a field.
func kindsWith(name, typ string) (all []uint16) {
	var has func(t *catalogue.Type) bool
	has = func(t *catalogue.Type) bool {
		for _, f := range t.Fields {
			if f.Type.Name == typ && (name == "" || f.Name == name) || f.Type.Form == catalogue.Struct && has(f.Type) {
				return true
			}
		}
		return false
	}
	for _, k := range kinds.Kinds {
		if has(k.Body) {
			all = append(all, k.Number)
		}
	}
	return all
}

// search finds events of the last hour, unless it is told since when. Those of a core or a work
// package are all that continue the submission that was for it.
func (t *TART) search(q *ask) (any, error) {
	ask := archive.EventQuery{Source: strings.ToLower(q.Get("node_id")), From: q.time("start_time"), To: q.time("end_time")}
	q.page(&ask)
	if ask.Source != "" && !isNode(ask.Source) {
		q.wrong("node_id: is not of 64 hexadecimal digits")
	}
	for _, text := range q.list("event_types") {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil {
			q.wrong("event_types: are numbers up to 255, separated by commas")
		}
		ask.Kinds = append(ask.Kinds, uint16(n))
	}
	if text := q.Get("core_index"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			q.wrong("core_index: is not the number of a core")
		}
		ask.Thread = &archive.Thread{Kinds: ofCore, Index: telemetry.Of(n)}
	}
	if text := q.Get("wp_hash"); text != "" {
		hash, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
		if err != nil || len(hash) != 32 {
			q.wrong("wp_hash: is not of 64 hexadecimal digits")
		}
		if ask.Thread == nil {
			ask.Thread = &archive.Thread{Kinds: ofPackage}
		}
		ask.Thread.Subject = hash
	}
	if ask.From.IsZero() {
		ask.From = q.now.Add(-searchTime)
	}
	if !ask.To.IsZero() {
		ask.To = ask.To.Add(time.Microsecond) // itself included
	}
	o, err := pageOf(t.list(q, ask))
	if err != nil {
		return nil, err
	}
	o["limit"], o["offset"], o["timestamp"] = ask.Limit, ask.Offset, at(q.now)
	o["total"] = nil // nobody counts what is not shown
	if o["has_more"] == false && ask.After == "" {
		o["total"] = ask.Offset + len(o["events"].([]event))
	}
	return o, nil
}
