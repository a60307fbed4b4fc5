package tart

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// connected greets a client.
func (f *flow) connected(ctx context.Context) error {
	last := []object{}
	for _, e := range f.t.o.Live.Recent(ctx, f.filter, samples) {
		last = append(last, f.shape(&e, false))
	}
	reading, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	nodes, err := f.t.connected(reading)
	if err != nil {
		return f.excuse(ctx, err)
	}
	_, buffered := f.t.o.Engine.Published()
	return f.tell(ctx, "connected", object{
		"message": "Connected to telemetry of JIP-3 nodes", "recent_events": buffered, "total_nodes": len(nodes),
		"broadcaster_stats": f.t.broadcast(), "recent_event_samples": last,
	})
}

// connected lists the nodes that are connected to any server.
func (t *TART) connected(ctx context.Context) ([]string, error) {
	return recall(ctx, &t.recent, "connected", func(ctx context.Context) ([]string, error) {
		all, err := t.o.Archive.Latest(ctx, archive.SourceQuery{Catalogue: kinds.ID, Page: archive.Page{Limit: mostNodes}}, 0)
		ids := []string{}
		for i := range all {
			if all[i].Open > 0 { // one that is connected twice counts once
				ids = append(ids, all[i].Identity)
			}
		}
		return ids, err
	})
}

// broadcast says how events are shown. Who does not keep up is told what they missed, so
// nothing is dropped before; node_channels and undelivered_events are of TART's making.
func (t *TART) broadcast() object {
	all, kept := t.o.Engine.Published()
	return object{
		"total_events_broadcast": all, "events_in_buffer": kept, "active_subscribers": t.sockets.Load(),
		"node_channels": 0, "dropped_events": t.o.Engine.Counters().Lost[telemetry.QueueFull].Load(), "undelivered_events": 0,
	}
}

// stats is how the server and this connection are.
func (f *flow) stats(ctx context.Context) error {
	reading, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	blocks, err := f.t.statsOf(reading, time.Hour)
	if err != nil {
		return f.excuse(ctx, err)
	}
	ids, err := f.t.connected(reading)
	if err != nil {
		return f.excuse(ctx, err)
	}
	return f.tell(ctx, "stats", object{
		"database": blocks, "broadcaster": f.t.broadcast(), "connections": object{"total": len(ids), "nodes": ids},
		"websocket": object{"events_received": f.sent, "current_filter": f.filterNow()},
	})
}

// meter tells what came in the last seconds.
func (f *flow) meter(ctx context.Context) error {
	reading, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	counted, err := f.t.activity(reading, minute)
	if err != nil {
		return f.excuse(ctx, err)
	}
	last, err := f.t.activity(reading, moment)
	if err != nil {
		return f.excuse(ctx, err)
	}
	now, whole := sumOf(last.Seconds, time.Time{}), sumOf(counted.Seconds, time.Time{})
	failing := 0.0
	if whole.events > 0 {
		failing = float64(whole.failures) / float64(whole.events)
	}
	return f.tell(ctx, "metrics", object{
		"events_per_second": per(now.events, moment), "blocks_per_second": per(now.blocks, moment), "active_nodes": last.Sources,
		"active_work_packages": whole.packages, "failure_rate": failing, "latest_slot": whole.slot, "finalized_slot": whole.finalSlot,
		"throughput": object{"events_10s": now.events, "blocks_10s": now.blocks, "finalized_10s": now.finalized},
	})
}

// Bounds of alerts.
const (
	watched       = 5 * time.Minute // what is looked at
	tooManyFail   = 0.05            // share of events that are failures
	enoughToJudge = 100             // events
	farBehind     = 10              // slots
	quiet         = time.Minute     // without an event of a node that is connected
	mostAlerts    = 5               // of one sort
)

// alert is something to warn of.
type alert struct {
	Severity string `json:"severity"`
	Type     string `json:"type"`
	Message  string `json:"message"`
	Node     string `json:"node_id,omitempty"`
	Details  object `json:"details"`
	At       string `json:"timestamp"`
}

// warn tells what there is to warn of, when that has changed.
func (f *flow) warn(ctx context.Context) error {
	reading, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	all, err := recall(reading, &f.t.recent, "alerts", f.t.alerts)
	if err != nil {
		return f.excuse(ctx, err)
	}
	var what []string
	for _, a := range all {
		what = append(what, a.Type+" "+a.Node)
	}
	now := strings.Join(what, ", ")
	if now == f.warned {
		return nil
	}
	f.warned = now
	if len(all) == 0 {
		return nil
	}
	return f.tell(ctx, "alert", object{"alerts": all, "count": len(all)})
}

// alerts finds what there is to warn of.
func (t *TART) alerts(ctx context.Context) ([]alert, error) {
	now := time.Now()
	var all []alert
	add := func(kind, node, message string, details object) {
		all = append(all, alert{"warning", kind, message, node, details, at(now)})
	}
	counted, err := t.activity(ctx, watched)
	if err != nil {
		return nil, err
	}
	s := sumOf(counted.Seconds, time.Time{})
	if share := float64(s.failures) / float64(max(s.events, 1)); s.events > enoughToJudge && share > tooManyFail {
		add("high_failure_rate", "", fmt.Sprintf("%.1f %% of events are failures", 100*share), object{"total_events": s.events, "failures": s.failures, "rate": share})
	}
	lost, err := t.o.Archive.Lost(ctx, archive.LossQuery{Catalogue: kinds.ID, From: now.Add(-watched)})
	if err != nil {
		return nil, err
	}
	var dropped uint64
	details := object{}
	for cause, n := range lost {
		dropped += n
		details[cause.String()] = exactly(n)
	}
	if dropped > 0 {
		details["dropped_count"] = exactly(dropped)
		add("dropped_events", "", fmt.Sprintf("%d events are not on record", dropped), details)
	}
	states, err := t.o.Archive.States(ctx, kinds.ID, kindBestBlock, now.Add(-watched))
	if err != nil {
		return nil, err
	}
	var best uint64
	for _, n := range states {
		best = max(best, n.Highest.Value)
	}
	behind, silent := 0, 0
	for _, n := range states {
		if n.Highest.Known && best-n.Highest.Value > farBehind && behind < mostAlerts {
			behind++
			add("node_behind", n.Source, fmt.Sprintf("it is %d slots behind", best-n.Highest.Value), object{"slots_behind": best - n.Highest.Value})
		}
		if now.Sub(n.Last) > quiet && silent < mostAlerts {
			silent++
			add("node_inactive", n.Source, "nothing comes from it any more", object{"last_event_at": at(n.Last)})
		}
	}
	return all, nil
}
