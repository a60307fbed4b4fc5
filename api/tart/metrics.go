package tart

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// activity returns what came in the last seconds, a second old at most.
func (t *TART) activity(ctx context.Context, last time.Duration) (archive.Activity, error) {
	return recall(ctx, &t.recent, "last "+last.String(), func(ctx context.Context) (archive.Activity, error) {
		return t.o.Archive.Activity(ctx, kinds.ID, time.Now().Add(-last))
	})
}

// sum is what there is of some seconds together.
type sum struct {
	events, failures, packages uint64
	blocks, finalized          uint64
	authored, announced        uint64
	slot, finalSlot            any // the highest, null without
}

// sumOf adds up the seconds from a time on.
func sumOf(seconds []archive.Second, since time.Time) (s sum) {
	slots := map[uint16]uint64{}
	for _, second := range seconds {
		if second.At.Before(since.Truncate(time.Second)) {
			continue
		}
		s.events += countAll(second.Kinds)
		s.failures += countOf(second.Kinds, failures...)
		s.packages += countOf(second.Kinds, packages...)
		s.blocks += countOf(second.Kinds, kindBestBlock)
		s.finalized += countOf(second.Kinds, kindFinalized)
		s.authored += countOf(second.Kinds, kindAuthored)
		s.announced += countOf(second.Kinds, kindAnnounced)
		for _, y := range second.Kinds {
			if y.Highest.Known {
				slots[y.Kind] = max(slots[y.Kind], y.Highest.Value)
			}
		}
	}
	if n, ok := slots[kindBestBlock]; ok {
		s.slot = n
	}
	if n, ok := slots[kindFinalized]; ok {
		s.finalSlot = n
	}
	return s
}

func countAll(tallies []archive.Tally) (n uint64) {
	for _, y := range tallies {
		n += y.Count
	}
	return n
}

// failures are the kinds that are, but for those that blame the other side; packages those of
// work packages and guarantees.
var failures, packages = func() (bad, work []uint16) {
	for _, k := range kinds.Kinds {
		if k.Class == telemetry.Failure && !k.Soft && !slices.Contains(bad, k.Number) {
			bad = append(bad, k.Number)
		}
		if k.Number >= 90 && k.Number <= 113 {
			work = append(work, k.Number)
		}
	}
	return bad, work
}()

// per is a rate.
func per(n uint64, d time.Duration) float64 { return float64(n) / d.Seconds() }

// Spans of what is counted lately.
const (
	moment = 10 * time.Second
	minute = time.Minute
)

func (t *TART) live(q *ask) (any, error) {
	counted, err := t.activity(q.ctx, minute)
	if err != nil {
		return nil, err
	}
	last, err := t.activity(q.ctx, moment)
	if err != nil {
		return nil, err
	}
	now, whole := sumOf(last.Seconds, time.Time{}), sumOf(counted.Seconds, time.Time{})
	return object{
		"timestamp": at(q.now), "latest_slot": whole.slot, "finalized_slot": whole.finalSlot, "active_nodes": last.Sources,
		"last_10s": object{
			"events": now.events, "blocks": now.blocks, "finalized": now.finalized,
			"events_per_second": per(now.events, moment), "blocks_per_second": per(now.blocks, moment),
		},
		"last_1m": object{
			"events": whole.events, "blocks": whole.blocks,
			"events_per_second": per(whole.events, minute), "blocks_per_second": per(whole.blocks, minute),
		},
	}, nil
}

func (t *TART) realtime(q *ask) (any, error) {
	span := time.Duration(q.number("seconds", 60, 10, 300)) * time.Second
	if q.err != nil {
		return nil, q.err
	}
	counted, err := t.activity(q.ctx, span)
	if err != nil {
		return nil, err
	}
	s := sumOf(counted.Seconds, time.Time{})
	data := make([]object, len(counted.Seconds))
	for i, second := range counted.Seconds {
		data[i] = object{
			"timestamp": at(second.At), "events": countAll(second.Kinds), "nodes": second.Sources,
			"blocks": countOf(second.Kinds, kindBestBlock), "finalized": countOf(second.Kinds, kindFinalized),
			"announcements": countOf(second.Kinds, kindAnnounced), "tickets": countOf(second.Kinds, kindGenerating, kindGenerated, kindTicket),
		}
	}
	return object{
		"window_seconds": int64(span.Seconds()), "timestamp": at(q.now),
		"totals": object{
			"events": s.events, "best_blocks": s.blocks, "finalized_blocks": s.finalized, "authored_blocks": s.authored,
			"announcements": s.announced, "active_nodes": counted.Sources, "latest_slot": s.slot,
		},
		"rates": object{"events_per_second": per(s.events, span), "blocks_per_second": per(s.blocks, span)},
		"data":  data,
	}, nil
}

// durations are the times that may be asked for.
var durations = map[string]time.Duration{
	"": time.Hour, "5m": 5 * time.Minute, "15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "24h": 24 * time.Hour,
}

// slotTime is how far back the highest slots are looked for.
const slotTime = 5 * time.Minute

func (t *TART) stats(q *ask) (any, error) {
	span, ok := durations[q.Get("duration")]
	if !ok {
		return nil, &problem{http.StatusBadRequest, "duration: is one of 5m, 15m, 1h, 6h, 24h"}
	}
	return t.statsOf(q.ctx, span)
}

// statsOf returns the blocks of a time, a second old at most.
func (t *TART) statsOf(ctx context.Context, span time.Duration) (object, error) {
	return recall(ctx, &t.recent, "stats "+span.String(), func(ctx context.Context) (object, error) {
		points, err := t.o.Archive.Rollups(ctx, archive.RollupQuery{
			Catalogue: kinds.ID, Kinds: []uint16{kindAuthored}, Measures: []string{""}, From: time.Now().Add(-span),
		})
		if err != nil {
			return nil, err
		}
		var authored uint64
		for _, p := range points {
			authored += p.Count
		}
		tallies, err := t.o.Archive.Tallies(ctx, archive.EventQuery{
			Catalogue: kinds.ID, Kinds: []uint16{kindBestBlock, kindFinalized}, From: time.Now().Add(-slotTime),
		})
		if err != nil {
			return nil, err
		}
		answer := object{"total_blocks_authored": authored, "best_block": 0, "finalized_block": 0}
		for _, y := range tallies {
			answer[map[uint16]string{kindBestBlock: "best_block", kindFinalized: "finalized_block"}[y.Kind]] = y.Highest.Value
		}
		return answer, nil
	})
}

// series reads which steps of which time are wanted.
func (q *ask) series() (step, span time.Duration) {
	return time.Duration(q.number("interval", 5, 1, 60)) * time.Minute, time.Duration(q.number("duration", 1, 1, 24)) * time.Hour
}

// mostSteps is how many steps an answer has.
const mostSteps = 500

// points returns what was counted in the steps of a time.
func (t *TART) points(q *ask, step, span time.Duration, bySource bool) ([]archive.Point, error) {
	return t.o.Archive.Rollups(q.ctx, archive.RollupQuery{
		Catalogue: kinds.ID, BySource: bySource, Measures: []string{""}, From: q.now.Add(-span).Truncate(step), Step: step,
	})
}

// stepOf collects what was counted in one.
type stepOf struct {
	kinds   []archive.Tally
	sources map[string]bool
}

// timeseries answers with counts over time, the last first, also of steps without any.
func (t *TART) timeseries(q *ask) (any, error) {
	step, span := q.series()
	metric := q.Get("metric")
	if metric == "" {
		metric = "throughput"
	}
	show, ok := shows[metric]
	if !ok {
		q.wrong("metric: is one of blocks, events, throughput")
	}
	if q.err != nil {
		return nil, q.err
	}
	counted, err := t.points(q, step, span, false)
	if err != nil {
		return nil, err
	}
	sources, err := t.points(q, step, span, true)
	if err != nil {
		return nil, err
	}
	steps := map[int64]*stepOf{}
	of := func(at time.Time) *stepOf {
		s := steps[at.Unix()]
		if s == nil {
			s = &stepOf{sources: map[string]bool{}}
			steps[at.Unix()] = s
		}
		return s
	}
	for _, p := range counted {
		s := of(p.Bucket)
		s.kinds = append(s.kinds, archive.Tally{Kind: uint16(p.Kind), Count: p.Count})
	}
	for _, p := range sources {
		of(p.Bucket).sources[p.Source] = true
	}
	data := []object{}
	for begin := q.now.Truncate(step); !begin.Before(q.now.Add(-span).Truncate(step)) && len(data) < mostSteps; begin = begin.Add(-step) {
		row := show(of(begin), step)
		row["timestamp"] = at(begin)
		data = append(data, row)
	}
	return object{
		"metric": metric, "interval_minutes": int64(step.Minutes()), "duration_hours": int64(span.Hours()), "data": data,
	}, nil
}

// shows says what the series are made of.
var shows = map[string]func(s *stepOf, step time.Duration) object{
	"blocks": func(s *stepOf, _ time.Duration) object {
		return object{"blocks": countOf(s.kinds, kindBestBlock), "authoring_nodes": len(s.sources)}
	},
	"events": func(s *stepOf, step time.Duration) object {
		n := countAll(s.kinds)
		different := map[uint16]bool{}
		for _, y := range s.kinds {
			different[y.Kind] = true
		}
		return object{"total_events": n, "active_nodes": len(s.sources), "event_types": len(different), "events_per_second": per(n, step)}
	},
	"throughput": func(s *stepOf, _ time.Duration) object {
		return object{
			"best_blocks": countOf(s.kinds, kindBestBlock), "finalized_blocks": countOf(s.kinds, kindFinalized),
			"authored_blocks": countOf(s.kinds, kindAuthored), "block_announcements": countOf(s.kinds, kindAnnounced),
			"work_package_events": countOf(s.kinds, packages...), "guarantee_events": countOf(s.kinds, packages[slices.Index(packages, kindGuarantee):]...),
		}
	},
}

// mostGroups is how many rows an answer has that is by node, kind or category.
const mostGroups = 1000

// timeseriesGrouped answers with counts over time of each of a sort, the last and then the most
// first.
func (t *TART) timeseriesGrouped(q *ask) (any, error) {
	step, span := q.series()
	metric, by := q.Get("metric"), q.Get("group_by")
	label, counts := map[string]string{"node": "node_id", "event_type": "event_type", "category": "category"}[by], "events"
	switch metric + " by " + by {
	case "events by node", "events by event_type":
	case "failures by category":
		counts = "failures"
	default:
		q.wrong("metric and group_by: are events with node or event_type, or failures with category")
	}
	if q.err != nil {
		return nil, q.err
	}
	points, err := t.points(q, step, span, by == "node")
	if err != nil {
		return nil, err
	}
	type place struct {
		at   int64
		what string
	}
	total := map[place]uint64{}
	for _, p := range points {
		kind, what := uint16(p.Kind), p.Source
		switch by {
		case "event_type":
			what = strconv.Itoa(int(kind))
		case "category":
			if !slices.Contains(failures, kind) {
				continue
			}
			what = categoryOf(kind)
		}
		total[place{p.Bucket.Unix(), what}] += p.Count
	}
	order := make([]place, 0, len(total))
	for p := range total {
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b place) int {
		if a.at != b.at {
			return int(b.at - a.at)
		}
		if total[a] != total[b] {
			return int(int64(total[b]) - int64(total[a]))
		}
		if a.what < b.what {
			return -1
		}
		return 1
	})
	data := []object{}
	for _, p := range order[:min(len(order), mostGroups)] {
		row := object{"timestamp": at(time.Unix(p.at, 0)), counts: total[p]}
		row[label] = p.what
		if by == "event_type" {
			row[label], _ = strconv.Atoi(p.what)
		}
		data = append(data, row)
	}
	return object{
		"metric": metric, "group_by": by, "interval_minutes": int64(step.Minutes()), "duration_hours": int64(span.Hours()), "data": data,
	}, nil
}
