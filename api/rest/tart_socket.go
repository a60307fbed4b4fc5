package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/api/telemetry"
)

const (
	// tartStatsTime is the time between two messages of type stats.
	tartStatsTime = 5 * time.Second

	// tartMessage is the longest message of a client in bytes.
	tartMessage = 4 << 10

	// maxTartSockets is how many there may be on a node.
	maxTartSockets = 1000
)

// tartOrder is what a client asks for.
type tartOrder struct {
	Type   string `json:"type"`
	Filter struct {
		Type  string  `json:"type"`
		Node  string  `json:"node_id"`
		Event *uint16 `json:"event_type"`
		Start uint16  `json:"start"`
		End   uint16  `json:"end"`
	} `json:"filter"`
	Limit    int   `json:"limit"`
	Interval int64 `json:"interval_ms"`
}

// filter returns what is wanted; false when nobody understands it.
func (o *tartOrder) filter() (telemetry.Filter, bool) {
	f := telemetry.Filter{Catalogue: tartCatalogue}
	switch o.Filter.Type {
	case "", "All":
	case "Node":
		f.Source = strings.ToLower(o.Filter.Node)
	case "EventType":
		if o.Filter.Event == nil {
			return f, false
		}
		f.Kinds = []uint16{*o.Filter.Event}
	case "EventTypeRange":
		if o.Filter.Start > o.Filter.End || o.Filter.End > 255 {
			return f, false
		}
		for k := o.Filter.Start; k <= o.Filter.End; k++ {
			f.Kinds = append(f.Kinds, k)
		}
	default:
		return f, false
	}
	return f, true
}

// tartFlow is one WebSocket.
type tartFlow struct {
	api    *API
	conn   *websocket.Conn
	begun  time.Time
	sent   uint64
	filter tartOrder
	meter  *time.Ticker // of metrics, nil unless they are wanted
}

func (a *API) tartSocket(w http.ResponseWriter, r *http.Request) {
	if !a.mayTart(w, r) {
		return
	}
	if a.tartSockets.Add(1) > maxTartSockets {
		a.tartSockets.Add(-1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer a.tartSockets.Add(-1)
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the client was told
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(tartMessage)
	life, ok := r.Context().Value(lifeKey{}).(context.Context)
	if !ok {
		life = r.Context()
	}
	ctx, cancel := context.WithCancel(life)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	f := &tartFlow{api: a, conn: conn, begun: time.Now()}
	orders := make(chan tartOrder)
	parts.Go(func() {
		defer cancel() // the client left
		f.read(ctx, orders)
	})
	parts.Go(func() {
		select {
		case <-a.Ending:
			cancel()
		case <-ctx.Done():
		}
	})
	f.run(ctx, orders)
	_ = conn.Close(websocket.StatusGoingAway, "")
}

// read brings what the client asks for until it leaves.
func (f *tartFlow) read(ctx context.Context, orders chan<- tartOrder) {
	for {
		_, data, err := f.conn.Read(ctx)
		if err != nil {
			return
		}
		var o tartOrder
		if json.Unmarshal(data, &o) != nil {
			o.Type = "" // answered as what nobody understands
		}
		select {
		case orders <- o:
		case <-ctx.Done():
			return
		}
	}
}

// run shows events until ctx ends or the client does not take them.
func (f *tartFlow) run(ctx context.Context, orders <-chan tartOrder) {
	if f.connected(ctx) != nil {
		return
	}
	stats := time.NewTicker(tartStatsTime)
	defer stats.Stop()
	defer f.meterEvery(0)
	news, resubscribe := f.subscribe(ctx)
	defer func() { resubscribe() }()
	for {
		var err error
		var metrics <-chan time.Time
		if f.meter != nil {
			metrics = f.meter.C
		}
		select {
		case n := <-news:
			err = f.show(ctx, n)
		case o := <-orders:
			var changed bool
			if changed, err = f.obey(ctx, o); changed {
				resubscribe()
				news, resubscribe = f.subscribe(ctx)
			}
		case <-stats.C:
			err = f.tell(ctx, "stats", f.stats())
		case <-metrics:
			err = f.metrics(ctx)
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// tartNews is copied from a subscription, which uses its memory again.
type tartNews struct {
	events []telemetry.Event
	lagged uint64
}

// subscribe returns what comes by the filter; stop ends it and waits.
func (f *tartFlow) subscribe(ctx context.Context) (news <-chan tartNews, stop func()) {
	filter, _ := f.filter.filter()
	subscription := f.api.Telemetry.Engine.Subscribe(filter, nil)
	ctx, cancel := context.WithCancel(ctx)
	to := make(chan tartNews)
	var pump sync.WaitGroup
	pump.Go(func() {
		for {
			n, err := subscription.Next(ctx)
			if err != nil {
				return
			}
			select {
			case to <- tartNews{append([]telemetry.Event(nil), n.Events...), n.Lagged}:
			case <-ctx.Done():
				return
			}
		}
	})
	return to, func() { cancel(); pump.Wait() }
}

func (f *tartFlow) tell(ctx context.Context, kind string, data any) error {
	b, err := json.Marshal(map[string]any{"type": kind, "data": data, "timestamp": tartTime(time.Now())})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	return f.conn.Write(ctx, websocket.MessageText, b)
}

func (f *tartFlow) show(ctx context.Context, n tartNews) error {
	if n.lagged > 0 {
		if err := f.tell(ctx, "lagged", map[string]uint64{"missed": n.lagged}); err != nil {
			return err
		}
	}
	for i := range n.events {
		e := &n.events[i]
		f.sent++
		err := f.tell(ctx, "event", map[string]any{
			"id": exactly(e.Row.Seq), "node_id": e.Source.Identity, "event_type": e.Row.Kind, "event": tartData(&e.Row, e.Source),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *tartFlow) connected(ctx context.Context) error {
	return f.tell(ctx, "connected", map[string]any{
		"message": "Connected to telemetry", "recent_events": 0, "total_nodes": f.api.Telemetry.Engine.Sessions(), "broadcaster_stats": map[string]any{}, "recent_event_samples": []any{},
	})
}

// obey does what the client asks for, and reports whether another filter holds now.
func (f *tartFlow) obey(ctx context.Context, o tartOrder) (changed bool, err error) {
	switch o.Type {
	case "Subscribe":
		if _, ok := o.filter(); !ok {
			return false, f.tell(ctx, "error", map[string]string{"message": "no such filter"})
		}
		f.filter = o
		return true, f.tell(ctx, "subscribed", map[string]any{"filter": o.Filter, "message": "Subscribed"})
	case "Unsubscribe":
		f.filter = tartOrder{}
		return true, f.tell(ctx, "unsubscribed", map[string]any{"message": "Back to all events"})
	case "GetRecentEvents":
		return false, f.recent(ctx, o.Limit)
	case "Ping":
		return false, f.tell(ctx, "pong", map[string]any{"events_received": f.sent, "uptime_ms": time.Since(f.begun).Milliseconds()})
	case "SubscribeMetrics":
		every := time.Second
		if o.Interval > 0 {
			every = time.Duration(min(max(o.Interval, 500), 10_000)) * time.Millisecond
		}
		f.meterEvery(every)
		return false, f.tell(ctx, "metrics_subscribed", map[string]any{"interval_ms": every.Milliseconds()})
	case "UnsubscribeMetrics":
		f.meterEvery(0)
		return false, f.tell(ctx, "metrics_unsubscribed", map[string]any{})
	}
	return false, f.tell(ctx, "error", map[string]string{"message": "not understood"})
}
