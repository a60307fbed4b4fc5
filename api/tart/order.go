package tart

import (
	"cmp"
	"context"
	"strings"
	"time"

	"parley/api/telemetry"
)

// order is what a client of a socket asks for.
type order struct {
	Type     string `json:"type"`
	Filter   filter `json:"filter"`
	Limit    *int   `json:"limit"`
	Interval int64  `json:"interval_ms"`
}

// filter says which events are wanted.
type filter struct {
	Type  string  `json:"type"` // All, Node, EventType, EventTypeRange
	Node  string  `json:"node_id,omitempty"`
	Event *uint16 `json:"event_type,omitempty"`
	Start *uint16 `json:"start,omitempty"`
	End   *uint16 `json:"end,omitempty"`
}

// maxKind is the largest number that a kind can have.
const maxKind = 255

// forEngine returns the filter as the engine has it; false when nobody understands it.
func (f *filter) forEngine() (telemetry.Filter, bool) {
	e := telemetry.Filter{Catalogue: kinds.ID}
	switch f.Type {
	case "All":
		return e, true
	case "Node":
		e.Source = strings.ToLower(f.Node)
		return e, isNode(e.Source)
	case "EventType":
		if f.Event == nil || *f.Event > maxKind {
			return e, false
		}
		e.Kinds = []uint16{*f.Event}
		return e, true
	case "EventTypeRange":
		if f.Start == nil || f.End == nil || *f.Start > *f.End || *f.End > maxKind {
			return e, false
		}
		for k := *f.Start; k <= *f.End; k++ {
			e.Kinds = append(e.Kinds, k)
		}
		return e, true
	}
	return e, false
}

// obey does what the client asks for, and reports whether another filter holds now.
func (f *flow) obey(ctx context.Context, o order) (changed bool, err error) {
	switch o.Type {
	case "Subscribe":
		wanted, ok := o.Filter.forEngine()
		if !ok {
			return false, f.tell(ctx, "error", object{"message": "there is no such filter"})
		}
		f.wanted, f.filter = o, wanted
		return true, nil
	case "Unsubscribe":
		f.wanted, f.filter = o, telemetry.Filter{Catalogue: kinds.ID}
		return true, nil
	case "GetRecentEvents":
		return false, f.recent(ctx, o.Limit)
	case "Ping":
		return false, f.tell(ctx, "pong", object{"events_received": f.sent, "uptime_ms": time.Since(f.began).Milliseconds()})
	case "SubscribeMetrics":
		ms := min(max(cmp.Or(o.Interval, 1000), 500), 10_000)
		f.every(&f.metrics, time.Duration(ms)*time.Millisecond)
		return false, f.tell(ctx, "metrics_subscribed", object{"message": "Metrics come now", "interval_ms": ms})
	case "UnsubscribeMetrics":
		f.every(&f.metrics, 0)
		return false, f.tell(ctx, "metrics_unsubscribed", object{"message": "No more metrics"})
	case "SubscribeAlerts":
		f.every(&f.alerts, alertTime)
		f.warned = ""
		if err := f.tell(ctx, "alerts_subscribed", object{"message": "Alerts come now"}); err != nil {
			return false, err
		}
		return false, f.warn(ctx)
	case "UnsubscribeAlerts":
		f.every(&f.alerts, 0)
		return false, f.tell(ctx, "alerts_unsubscribed", object{"message": "No more alerts"})
	}
	return false, f.tell(ctx, "error", object{"message": "not understood"})
}

// filterNow is the filter that holds.
func (f *flow) filterNow() filter {
	if f.wanted.Type != "Subscribe" {
		return filter{Type: "All"}
	}
	return f.wanted.Filter
}

// resubscribed confirms that a filter holds: what comes from now on passes it.
func (f *flow) resubscribed(ctx context.Context) error {
	if f.wanted.Type != "Subscribe" {
		return f.tell(ctx, "unsubscribed", object{"message": "All events come now"})
	}
	return f.tell(ctx, "subscribed", object{"filter": f.filterNow(), "message": "These events come now"})
}

// recent tells of the last events that the filter wants, the first first.
func (f *flow) recent(ctx context.Context, limit *int) error {
	most := mostRecent
	if limit != nil {
		most = min(max(*limit, 0), mostRecent)
	}
	all := []object{}
	for _, e := range f.t.o.Live.Recent(ctx, f.filter, most) {
		all = append(all, f.shape(&e, true))
	}
	return f.tell(ctx, "recent_events", object{"count": len(all), "events": all})
}
