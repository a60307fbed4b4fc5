package tart

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"parley/api/telemetry/archive"
)

// Kinds of events that answers are made of.
const (
	kindStatus          = 10
	kindBestBlock       = 11
	kindFinalized       = 12
	kindSynced          = 13
	kindAuthored        = 42
	kindAnnouncementsOf = 60 // a stream of announcements was opened
	kindAnnounced       = 62
	kindGenerating      = 80
	kindGenerated       = 82
	kindTicket          = 84
	kindPackage         = 94
	kindGuarantee       = 105
)

// lastOf returns the last event of a kind of a node with its fields, or nil.
func (t *TART) lastOf(q *ask, kind uint16) (*archive.StoredEvent, object, error) {
	all, err := t.lasts(q, kind, 1)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	fields, err := t.fields(q, &all[0])
	return &all[0], fields, err
}

// lasts returns the last events of a kind of a node, the last first.
func (t *TART) lasts(q *ask, kind uint16, most int) ([]archive.StoredEvent, error) {
	all, _, err := t.o.Archive.Events(q.ctx, archive.EventQuery{
		Catalogue: kinds.ID, Source: q.id, Kinds: []uint16{kind}, Page: archive.Page{Limit: most},
	})
	return all, err
}

// fields returns what is in an event.
func (t *TART) fields(q *ask, e *archive.StoredEvent) (object, error) {
	var tagged map[string]object
	if err := json.Unmarshal(dataOf(&e.Row, &e.Session.Source, q.style()), &tagged); err != nil {
		return nil, err
	}
	for _, fields := range tagged {
		return fields, nil
	}
	return nil, nil
}

// tallies counts the events of a node of the last day, work packages by core.
func (t *TART) tallies(q *ask) ([]archive.Tally, error) {
	return t.o.Archive.Tallies(q.ctx, archive.EventQuery{Catalogue: kinds.ID, Source: q.id, From: q.now.Add(-day)}, kindPackage)
}

// nodeStatus answers with what a node said last. Counts are of the last day.
func (t *TART) nodeStatus(q *ask) (any, error) {
	tallies, err := t.tallies(q)
	if err != nil {
		return nil, err
	}
	return t.status(q, tallies)
}

func (t *TART) status(q *ask, tallies []archive.Tally) (object, error) {
	l, err := t.latest(q)
	if err != nil {
		return nil, err
	}
	_, status, err := t.lastOf(q, kindStatus)
	if err != nil {
		return nil, err
	}
	_, synced, err := t.lastOf(q, kindSynced)
	if err != nil {
		return nil, err
	}
	block := object{"synced": synced["synced"]}
	var updated time.Time
	for kind, name := range map[uint16]string{kindBestBlock: "best", kindFinalized: "finalized"} {
		e, _, err := t.lastOf(q, kind)
		if err != nil {
			return nil, err
		}
		block[name+"_slot"], block[name+"_hash"], block[name+"_block_events"] = uint64(0), nil, countOf(tallies, kind)
		if e == nil {
			continue
		}
		block[name+"_slot"], block[name+"_hash"] = e.Number, hex.EncodeToString(e.Subject)
		if r := time.UnixMicro(e.Received); r.After(updated) {
			updated = r
		}
	}
	block["last_updated"] = maybe(updated)
	breakdown := []object{}
	merged := map[uint16]int{}
	for _, y := range tallies {
		i, ok := merged[y.Kind]
		if !ok {
			merged[y.Kind] = len(breakdown)
			breakdown = append(breakdown, object{"event_type": y.Kind, "count": y.Count})
			continue
		}
		breakdown[i]["count"] = breakdown[i]["count"].(uint64) + y.Count
	}
	n := describe(l)
	return object{
		"node": object{
			"node_id": n.ID, "peer_id": n.Peer, "implementation_name": n.Name, "implementation_version": n.Version,
			"is_connected": n.IsConnected, "connected_at": n.Connected, "last_seen_at": n.LastSeen, "event_count": n.Events,
		},
		"chain_status": block, "latest_status": status, "event_breakdown": breakdown,
	}, nil
}

// countOf adds up what was counted of some kinds.
func countOf(tallies []archive.Tally, kinds ...uint16) (n uint64) {
	for _, y := range tallies {
		for _, k := range kinds {
			if y.Kind == k {
				n += y.Count
			}
		}
	}
	return n
}

// lastAt returns when the last event of some kinds came, null without.
func lastAt(tallies []archive.Tally, kinds ...uint16) any {
	var last time.Time
	for _, y := range tallies {
		for _, k := range kinds {
			if y.Kind == k && y.Last.After(last) {
				last = y.Last
			}
		}
	}
	return maybe(last)
}

// nodeStatusEnhanced adds what a node works on, of the last day.
func (t *TART) nodeStatusEnhanced(q *ask) (any, error) {
	tallies, err := t.tallies(q)
	if err != nil {
		return nil, err
	}
	answer, err := t.status(q, tallies)
	if err != nil {
		return nil, err
	}
	for name, v := range answer["node"].(object) {
		answer[name] = v
	}
	delete(answer, "node")
	cores := []uint64{} // the busiest first
	for _, y := range tallies {
		if y.Index.Known {
			cores = append(cores, y.Index.Value)
		}
	}
	var assigned any
	if len(cores) > 0 {
		assigned = cores[0]
	}
	answer["assigned_core"], answer["cores_active"] = assigned, cores
	answer["guarantee_activity"], answer["ticket_activity"] = nil, nil
	if n := countOf(tallies, kindGuarantee); n > 0 {
		answer["guarantee_activity"] = object{
			"guarantees_built": n, "guarantees_signed": n, "primary_core": assigned, "last_guarantee_at": lastAt(tallies, kindGuarantee),
		}
	}
	if n := countOf(tallies, kindGenerating); n > 0 {
		answer["ticket_activity"] = object{
			"tickets_generated": n, "tickets_sealed": countOf(tallies, kindGenerated), "last_ticket_at": lastAt(tallies, kindGenerating, kindGenerated),
		}
	}
	return answer, nil
}

// mostHistory is how many reports a history has.
const mostHistory = 100

// nodePeers answers with how many peers a node has, and had.
func (t *TART) nodePeers(q *ask) (any, error) {
	if _, err := t.latest(q); err != nil {
		return nil, err
	}
	reports, err := t.lasts(q, kindStatus, mostHistory)
	if err != nil {
		return nil, err
	}
	history := make([]object, len(reports))
	for i := range reports {
		f, err := t.fields(q, &reports[i])
		if err != nil {
			return nil, err
		}
		history[i] = object{
			"timestamp":   at(time.UnixMicro(reports[i].At)),
			"total_peers": f["num_peers"], "validator_peers": f["num_val_peers"], "sync_peers": f["num_sync_peers"],
		}
	}
	announcing, err := t.announcing(q)
	if err != nil {
		return nil, err
	}
	answer := object{
		"total_peers": 0, "validator_peers": 0, "sync_peers": 0, "non_validator_peers": 0,
		"block_announcement_peers": announcing, "history": history,
	}
	if len(history) > 0 {
		total, _ := history[0]["total_peers"].(float64)
		validators, _ := history[0]["validator_peers"].(float64)
		answer["total_peers"], answer["validator_peers"] = total, validators
		answer["sync_peers"], answer["non_validator_peers"] = history[0]["sync_peers"], max(0, total-validators)
	}
	return answer, nil
}

// announcing counts the peers with which streams of announcements were opened in the last hour.
func (t *TART) announcing(q *ask) (int, error) {
	opened, _, err := t.o.Archive.Events(q.ctx, archive.EventQuery{
		Catalogue: kinds.ID, Source: q.id, Kinds: []uint16{kindAnnouncementsOf}, From: q.now.Add(-time.Hour), Page: archive.Page{Limit: mostPage},
	})
	peers := map[string]bool{}
	for i := range opened {
		peers[string(opened[i].Subject)] = true
	}
	return len(peers), err
}

// category is a part of the catalogue as timelines name it.
type category struct {
	name        string
	first, last uint16
}

var categories = []category{
	{"status", 10, 13}, {"connection", 20, 28}, {"blockAuthoring", 40, 47}, {"blockAnnouncement", 60, 68}, {"tickets", 80, 84},
	{"workPackage", 90, 101}, {"guarantee", 102, 113}, {"shard", 120, 125}, {"assurance", 126, 131}, {"bundleShard", 140, 153},
	{"segment", 160, 178}, {"preimage", 190, 199},
}

// rest is the category of everything else.
const rest = "other"

func categoryOf(kind uint16) string {
	for _, c := range categories {
		if kind >= c.first && kind <= c.last {
			return c.name
		}
	}
	return rest
}

// inCategory lists the kinds of a category, those nobody knows yet as well.
func inCategory(name string) (all []uint16) {
	for kind := range uint16(256) {
		if categoryOf(kind) == name {
			all = append(all, kind)
		}
	}
	return all
}

// usualTimeline is how many events a timeline has that does not say.
const usualTimeline = 200

// nodeTimeline answers with events of the last day, unless it is told since when.
func (t *TART) nodeTimeline(q *ask) (any, error) {
	if _, err := t.latest(q); err != nil {
		return nil, err
	}
	ask := archive.EventQuery{Catalogue: kinds.ID, Source: q.id, From: q.time("start_time"), To: q.time("end_time")}
	ask.Limit = int(q.number("limit", usualTimeline, 1, mostPage))
	style := q.style()
	if ask.From.IsZero() {
		ask.From = q.now.Add(-day)
	}
	if !ask.To.IsZero() {
		ask.To = ask.To.Add(time.Microsecond)
	}
	whole := ask
	for _, name := range q.list("categories") {
		of := inCategory(name)
		if of == nil {
			q.wrong("categories: there is one that is none")
		}
		ask.Kinds = append(ask.Kinds, of...)
	}
	if q.err != nil {
		return nil, q.err
	}
	stored, _, err := t.o.Archive.Events(q.ctx, ask)
	if err != nil {
		return nil, err
	}
	tallies, err := t.o.Archive.Tallies(q.ctx, whole)
	if err != nil {
		return nil, err
	}
	events := make([]object, len(stored))
	for i := range stored {
		e := shapeOf(&stored[i].Row, &stored[i].Session.Source, style)
		events[i] = object{
			"event_id": e.Number, "event_type": e.Kind, "timestamp": e.At, "created_at": e.Received,
			"category": categoryOf(e.Kind), "data": e.Data,
		}
	}
	span := object{"start": nil, "end": nil}
	if n := len(events); n > 0 {
		span["start"], span["end"] = events[n-1]["created_at"], events[0]["created_at"]
	}
	return object{
		"node_id": q.id, "events": events, "event_count": len(events), "category_counts": byCategory(tallies),
		"time_range": span, "timestamp": at(q.now),
	}, nil
}

// byCategory adds up counts, in the order of the catalogue.
func byCategory(tallies []archive.Tally) []object {
	counts := map[string]uint64{}
	for _, y := range tallies {
		counts[categoryOf(y.Kind)] += y.Count
	}
	all := []object{}
	for _, c := range append(categories[:len(categories):len(categories)], category{name: rest}) {
		if counts[c.name] > 0 {
			all = append(all, object{"category": c.name, "count": counts[c.name]})
		}
	}
	return all
}
