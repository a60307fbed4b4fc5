package rest

import (
	"context"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// recent tells of the last events on record.
func (f *tartFlow) recent(ctx context.Context, limit int) error {
	if limit == 0 {
		limit = usualTartEvents
	}
	filter, _ := f.filter.filter()
	found, _, err := f.api.Telemetry.Archive.Events(ctx, archive.EventQuery{
		Catalogue: tartCatalogue, Kinds: filter.Kinds, Source: filter.Source, Page: archive.Page{Limit: min(max(limit, 1), mostTartEvents)},
	})
	if err != nil {
		f.api.Log.ErrorContext(ctx, "read recent events", "err", err)
		return f.tell(ctx, "error", map[string]string{"message": "the database does not answer"})
	}
	events := []tartEvent{}
	for i := range found {
		events = append(events, tartEventOf(&found[i].Row, &found[i].Session.Source))
	}
	return f.tell(ctx, "recent_events", map[string]any{"count": len(events), "events": events})
}

// stats is how this node and this connection are.
func (f *tartFlow) stats() map[string]any {
	e := f.api.Telemetry.Engine
	c := e.Counters()
	waiting, _ := e.Waiting()
	var lost uint64
	for cause := range telemetry.Causes() {
		lost += c.Lost[cause].Load()
	}
	return map[string]any{
		"database":    map[string]any{"events_stored": c.Stored.Load(), "events_pending": waiting},
		"broadcaster": map[string]any{"total_events_broadcast": c.Received.Load(), "active_subscribers": f.api.tartSockets.Load(), "dropped_events": lost},
		"connections": map[string]any{"total": e.Sessions()},
		"websocket":   map[string]any{"events_received": f.sent, "current_filter": f.filter.Filter},
	}
}

// metrics tells what was counted in the last ten seconds.
func (f *tartFlow) metrics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	n, err := f.api.tartCounts(ctx)
	if err != nil {
		f.api.Log.ErrorContext(ctx, "count events", "err", err)
		return f.tell(ctx, "error", map[string]string{"message": "the database does not answer"})
	}
	const window = 10.0
	failures := 0.0
	if n.Seconds10["events"] > 0 {
		failures = float64(n.Seconds10["failures"]) / float64(n.Seconds10["events"])
	}
	return f.tell(ctx, "metrics", map[string]any{
		"events_per_second": float64(n.Seconds10["events"]) / window, "blocks_per_second": float64(n.Seconds10["blocks"]) / window,
		"active_nodes": n.Nodes, "failure_rate": failures, "latest_slot": n.Slot, "finalized_slot": n.Finalized, "throughput": n.Seconds10,
	})
}

// meterEvery starts or, with 0, stops the telling of metrics.
func (f *tartFlow) meterEvery(d time.Duration) {
	if f.meter != nil {
		f.meter.Stop()
		f.meter = nil
	}
	if d > 0 {
		f.meter = time.NewTicker(d)
	}
}
