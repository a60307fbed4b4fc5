package rest

import (
	"context"
	"net/http"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// Kinds that TART counts.
const (
	tartBestBlock = 11
	tartFinalized = 12
	tartAuthored  = 42
	tartAnnounced = 62
	tartTickets   = 82
)

var tartCounted = map[uint16]string{
	tartAuthored: "blocks", tartFinalized: "finalized", tartAnnounced: "announcements", tartTickets: "tickets",
}

func (a *API) tartHealth(http.ResponseWriter, *http.Request) (any, int) {
	return map[string]any{"status": "ok", "service": "tart-backend", "version": a.Build.Version}, http.StatusOK
}

// Bounds of health.
const (
	slowPing     = 200 * time.Millisecond
	verySlowPing = 500 * time.Millisecond
	fullQueue    = 0.75
)

func (a *API) tartHealthDetailed(_ http.ResponseWriter, r *http.Request) (any, int) {
	now := tartTime(time.Now())
	names := []string{"Healthy", "Degraded", "Unhealthy"}
	worst, counts := 0, [3]int{}
	components := map[string]any{}
	add := func(name string, grade int, message string, metrics map[string]any) {
		worst = max(worst, grade)
		counts[grade]++
		components[name] = map[string]any{"name": name, "status": names[grade], "message": message, "last_check": now, "metrics": metrics}
	}
	took, err := a.Telemetry.Archive.Ping(r.Context())
	switch {
	case err != nil:
		add("database", 2, "does not answer", map[string]any{})
	case took > verySlowPing:
		add("database", 2, "is very slow", map[string]any{"latency_ms": took.Milliseconds()})
	case took > slowPing:
		add("database", 1, "is slow", map[string]any{"latency_ms": took.Milliseconds()})
	default:
		add("database", 0, "answers", map[string]any{"latency_ms": took.Milliseconds()})
	}
	e := a.Telemetry.Engine
	waiting, bytes := e.Waiting()
	share := max(float64(waiting)/float64(e.MaxEvents), float64(bytes)/float64(e.MaxBytes))
	grade, message := 0, "keeps up"
	switch {
	case share >= 1:
		grade, message = 2, "is full"
	case share > fullQueue:
		grade, message = 1, "is behind"
	}
	add("batch_writer", grade, message, map[string]any{"pending": waiting, "capacity": e.MaxEvents})
	status := http.StatusOK
	if worst == 2 {
		status = http.StatusServiceUnavailable
	}
	return map[string]any{
		"status": names[worst], "timestamp": now, "components": components, "version": a.Build.Version, "uptime_seconds": int64(time.Since(a.begun).Seconds()),
		"summary": map[string]int{
			"total_components": len(components), "healthy_components": counts[0], "degraded_components": counts[1], "unhealthy_components": counts[2],
		},
	}, status
}

func (a *API) tartStats(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	since := time.Now().Add(-q.duration(time.Hour))
	if q.bad {
		return nil, http.StatusBadRequest
	}
	points, err := a.Telemetry.Archive.Rollups(r.Context(), archive.RollupQuery{
		Catalogue: tartCatalogue, Kinds: []uint16{tartAuthored}, Measures: []string{""}, From: since,
	})
	if err != nil {
		return a.broken(r, err)
	}
	var authored uint64
	for _, p := range points {
		authored += p.Count
	}
	best, finalized, err := a.tartSlots(r.Context(), since)
	if err != nil {
		return a.broken(r, err)
	}
	return map[string]any{"total_blocks_authored": authored, "best_block": best, "finalized_block": finalized}, http.StatusOK
}

// tartSlots returns the highest slots since a time, nil where none is known.
func (a *API) tartSlots(ctx context.Context, since time.Time) (best, finalized *uint64, err error) {
	read := func(kind uint16) *uint64 {
		n, failure := a.Telemetry.Archive.Highest(ctx, tartCatalogue, kind, since)
		if failure != nil {
			err = failure
		}
		if !n.Known {
			return nil
		}
		return &n.Value
	}
	best, finalized = read(tartBestBlock), read(tartFinalized)
	return best, finalized, err
}

// tartNow is what is counted right now.
type tartNow struct {
	Slot      *uint64           `json:"latest_slot"`
	Finalized *uint64           `json:"finalized_slot"`
	Nodes     int               `json:"active_nodes"`
	Seconds10 map[string]uint64 `json:"last_10s"`
	Minute    map[string]uint64 `json:"last_1m"`
}

func (a *API) tartCounts(ctx context.Context) (n tartNow, err error) {
	now := time.Now()
	seconds, err := a.Telemetry.Archive.Seconds(ctx, tartCatalogue, now.Add(-time.Minute))
	if err != nil {
		return n, err
	}
	n.Seconds10, n.Minute = tartTotals(seconds, now.Add(-10*time.Second)), tartTotals(seconds, time.Time{})
	if n.Slot, n.Finalized, err = a.tartSlots(ctx, now.Add(-time.Hour)); err != nil {
		return n, err
	}
	nodes, err := a.Telemetry.Archive.Latest(ctx, tartCatalogue, "", maxTartNodes)
	for i := range nodes {
		if nodes[i].Open {
			n.Nodes++
		}
	}
	return n, err
}

// tartTotals adds up what came since a time.
func tartTotals(seconds []archive.Second, since time.Time) map[string]uint64 {
	total := map[string]uint64{"events": 0, "failures": 0}
	for _, name := range tartCounted {
		total[name] = 0
	}
	for _, s := range seconds {
		if s.At.Before(since) {
			continue
		}
		total["events"] += s.Count
		if s.Class == telemetry.Failure {
			total["failures"] += s.Count
		}
		if name := tartCounted[s.Kind]; name != "" {
			total[name] += s.Count
		}
	}
	return total
}

func (a *API) tartLive(_ http.ResponseWriter, r *http.Request) (any, int) {
	n, err := a.tartCounts(r.Context())
	if err != nil {
		return a.broken(r, err)
	}
	return n, http.StatusOK
}

func (a *API) tartRealtime(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	window := q.number("seconds", 60, 10, 300)
	if q.bad {
		return nil, http.StatusBadRequest
	}
	now := time.Now().UTC().Truncate(time.Second)
	since := now.Add(-time.Duration(window-1) * time.Second)
	seconds, err := a.Telemetry.Archive.Seconds(r.Context(), tartCatalogue, since)
	if err != nil {
		return a.broken(r, err)
	}
	senders, err := a.Telemetry.Archive.Senders(r.Context(), tartCatalogue, since)
	if err != nil {
		return a.broken(r, err)
	}
	by := map[time.Time][]archive.Second{}
	for _, s := range seconds {
		by[s.At.UTC()] = append(by[s.At.UTC()], s)
	}
	data := []map[string]any{}
	for i := range window {
		at := since.Add(time.Duration(i) * time.Second)
		row := map[string]any{"timestamp": tartTime(at), "nodes": senders[at]}
		for name, n := range tartTotals(by[at], time.Time{}) {
			row[name] = n
		}
		data = append(data, row)
	}
	totals := tartTotals(seconds, time.Time{})
	rates := map[string]float64{}
	for name, n := range totals {
		rates[name] = float64(n) / float64(window)
	}
	return map[string]any{"window_seconds": window, "totals": totals, "rates": rates, "data": data}, http.StatusOK
}

func (a *API) tartTimeseries(_ http.ResponseWriter, r *http.Request) (any, int) {
	q := &tartQuery{Values: r.URL.Query()}
	metric := q.Get("metric")
	minutes, hours := q.number("interval", 5, 1, 60), q.number("duration", 1, 1, 24)
	ask := archive.RollupQuery{
		Catalogue: tartCatalogue, Measures: []string{""}, From: time.Now().Add(-time.Duration(hours) * time.Hour), Step: time.Duration(minutes) * time.Minute,
	}
	switch metric {
	case "":
		metric = "throughput"
	case "throughput", "events":
	case "blocks":
		ask.Kinds = []uint16{tartAuthored}
	default:
		q.bad = true
	}
	if q.bad {
		return nil, http.StatusBadRequest
	}
	points, err := a.Telemetry.Archive.Rollups(r.Context(), ask)
	if err != nil {
		return a.broken(r, err)
	}
	data := []map[string]any{}
	for _, p := range points {
		at := tartTime(p.Bucket)
		if n := len(data); n == 0 || data[n-1]["timestamp"] != at {
			data = append(data, map[string]any{"timestamp": at, "count": uint64(0)})
		}
		row := data[len(data)-1]
		row["count"] = row["count"].(uint64) + p.Count
		row["rate"] = float64(row["count"].(uint64)) / ask.Step.Seconds()
	}
	return map[string]any{"metric": metric, "interval_minutes": minutes, "duration_hours": hours, "data": data}, http.StatusOK
}
