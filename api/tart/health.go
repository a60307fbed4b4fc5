package tart

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"parley/api/observe"
)

// condition is how a part is.
type condition string

// Conditions, the best first.
const (
	healthy   condition = "Healthy"
	degraded  condition = "Degraded"
	unhealthy condition = "Unhealthy"
)

// part is the health of one.
type part struct {
	Name    string    `json:"name"`
	Status  condition `json:"status"`
	Message string    `json:"message"` // never null: programs want a text
	Checked string    `json:"last_check"`
	Metrics object    `json:"metrics"`
}

func (t *TART) health(*ask) (any, error) {
	return object{"status": "ok", "service": "tart-backend", "version": t.o.Version}, nil
}

const (
	// slowDatabase and stuckDatabase are answers that are late.
	slowDatabase  = 200 * time.Millisecond
	stuckDatabase = 2 * time.Second

	// crowded and full are shares of what there is room for.
	crowded = 0.75
	full    = 0.99
)

// healthOfParts looks at the parts now. The status is 503 when one does not work.
func (t *TART) healthOfParts(q *ask) (any, error) {
	database, size := t.database(q)
	parts := map[string]part{"database": database, "batch_writer": t.writer(q)}
	if t.o.Nodes != nil {
		parts["telemetry_server"] = t.listener(q)
	}
	count := map[condition]int{}
	for _, p := range parts {
		count[p.Status]++
	}
	whole := healthy
	switch {
	case count[unhealthy] > 0:
		whole = unhealthy
	case count[degraded] > 0:
		whole = degraded
	}
	report := object{
		"status": whole, "timestamp": at(q.now), "components": parts, "version": t.o.Version,
		"uptime_seconds": int64(time.Since(t.began).Seconds()),
		"summary": object{
			"total_components": len(parts), "healthy_components": count[healthy],
			"degraded_components": count[degraded], "unhealthy_components": count[unhealthy],
		},
	}
	if size > 0 {
		report["database_size_bytes"] = size
	}
	if whole == unhealthy {
		return report, &problem{http.StatusServiceUnavailable, "a part does not work"}
	}
	return report, nil
}

func (q *ask) part(name string, status condition, message string, metrics object) part {
	return part{Name: name, Status: status, Message: cmp.Or(message, "OK"), Checked: at(q.now), Metrics: metrics}
}

// database asks the database something.
func (t *TART) database(q *ask) (part, int64) {
	ctx, cancel := context.WithTimeout(q.ctx, stuckDatabase)
	defer cancel()
	begin := time.Now()
	size, err := t.o.Archive.Size(ctx)
	took := time.Since(begin)
	metrics := object{"latency_ms": float64(took.Microseconds()) / 1000}
	switch {
	case err != nil:
		t.o.Log.WarnContext(q.ctx, "the database of telemetry does not answer", observe.KeyErr, err)
		return q.part("database", unhealthy, "it does not answer", metrics), 0
	case took > slowDatabase:
		return q.part("database", degraded, "it answers slowly", metrics), size
	}
	metrics["size_bytes"] = size
	return q.part("database", healthy, "", metrics), size
}

// writer looks at what waits to be stored.
func (t *TART) writer(q *ask) part {
	e := t.o.Engine
	events, bytes := e.Waiting()
	used := max(float64(events)/float64(e.MaxEvents), float64(bytes)/float64(e.MaxBytes))
	c := e.Counters()
	metrics := object{
		"pending": events, "pending_bytes": bytes, "buffer_usage_percent": 100 * used,
		"flushed": c.Stored.Load(), "failed_attempts": c.Failures.Load(), "quarantined": c.Quarantined.Load(),
	}
	switch {
	case used >= full:
		return q.part("batch_writer", unhealthy, "there is no room for more events", metrics)
	case used >= crowded:
		return q.part("batch_writer", degraded, fmt.Sprintf("%.0f %% of the room for events that wait is taken", 100*used), metrics)
	}
	return q.part("batch_writer", healthy, "", metrics)
}

// listener looks at the connections of nodes.
func (t *TART) listener(q *ask) part {
	c := t.o.Nodes.Counters()
	now, most := c.Connections.Load(), t.o.Nodes.Most()
	metrics := object{"connections": now, "connections_limit": most, "connections_rejected": c.Refused.Load()}
	if float64(now) >= full*float64(most) {
		return q.part("telemetry_server", degraded, "there is no place for more nodes", metrics)
	}
	return q.part("telemetry_server", healthy, "", metrics)
}
