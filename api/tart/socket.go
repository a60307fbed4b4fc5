package tart

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/api/observe"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
)

const (
	// statsTime is the time between two messages of type stats.
	statsTime = 5 * time.Second

	// alertTime is how often it is looked for something to warn of.
	alertTime = 10 * time.Second

	// maxOrder is the longest message of a client in bytes.
	maxOrder = 4 << 10

	// writeTime is how long a client may take to take a message, and readTime how long the
	// database to answer one of its questions.
	writeTime = 10 * time.Second
	readTime  = 10 * time.Second

	// lastTime is how much longer it may take when the stream ends.
	lastTime = time.Second

	// mostRecent is how many recent events a client gets at most; samples is how many it is
	// told of when it comes.
	mostRecent = 1000
	samples    = 200
)

// flow is one WebSocket.
type flow struct {
	t     *TART
	conn  *websocket.Conn
	style catalogue.Style
	began time.Time

	wanted order            // whose filter holds
	filter telemetry.Filter // the same
	sent   uint64           // events

	metrics, alerts *time.Ticker // nil unless they are wanted
	warned          string       // what was warned of last
}

// socket shows events as they come until the context of the request ends, or the client leaves.
func (t *TART) socket(w http.ResponseWriter, r *http.Request) {
	if t.sockets.Add(1) > int64(t.o.Sockets) {
		t.sockets.Add(-1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer t.sockets.Add(-1)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: t.o.Origins})
	if err != nil {
		return // the client was told
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxOrder)
	f := &flow{
		t: t, conn: conn, began: time.Now(), filter: telemetry.Filter{Catalogue: kinds.ID},
		style: catalogue.Style{Arrays: r.URL.Query().Get("bytes") == "array"},
	}
	ctx, cancel := context.WithCancel(r.Context())
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	orders := make(chan order)
	parts.Go(func() {
		defer cancel() // the client left
		f.read(ctx, orders)
	})
	f.run(ctx, orders)
	_ = conn.Close(websocket.StatusGoingAway, "")
}

// read brings what the client asks for until it leaves.
func (f *flow) read(ctx context.Context, orders chan<- order) {
	for {
		_, data, err := f.conn.Read(context.WithoutCancel(ctx)) // ends with the connection, which says goodbye first
		if err != nil {
			return
		}
		var o order
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
func (f *flow) run(ctx context.Context, orders <-chan order) {
	news, resubscribe := f.subscribe(ctx)
	defer func() { resubscribe() }()
	stats := time.NewTicker(statsTime)
	defer stats.Stop()
	defer f.every(&f.metrics, 0)
	defer f.every(&f.alerts, 0)
	err := f.connected(ctx)
	if err == nil {
		err = f.stats(ctx)
	}
	for err == nil {
		select {
		case n := <-news:
			err = f.show(ctx, n)
		case o := <-orders:
			var changed bool
			if changed, err = f.obey(ctx, o); changed {
				resubscribe()
				news, resubscribe = f.subscribe(ctx)
				err = f.resubscribed(ctx)
			}
		case <-stats.C:
			err = f.stats(ctx)
		case <-tick(f.metrics):
			err = f.meter(ctx)
		case <-tick(f.alerts):
			err = f.warn(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// tick is when a ticker is due: never, when it is nil.
func tick(t *time.Ticker) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// every starts a ticker anew or, with 0, stops it.
func (f *flow) every(t **time.Ticker, d time.Duration) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
	if d > 0 {
		*t = time.NewTicker(d)
	}
}

// subscribe returns what comes from now on and the filter wants; stop ends that and waits.
func (f *flow) subscribe(ctx context.Context) (news <-chan live.News, stop func()) {
	subscription := f.t.o.Live.Subscribe(ctx, f.filter, nil)
	ctx, cancel := context.WithCancel(ctx)
	to := make(chan live.News)
	var pump sync.WaitGroup
	pump.Go(func() {
		for {
			n, err := subscription.Next(ctx)
			if err != nil {
				return
			}
			select {
			case to <- n:
			case <-ctx.Done():
				return
			}
		}
	})
	return to, func() { cancel(); pump.Wait(); subscription.Close() }
}

func (f *flow) tell(ctx context.Context, kind string, data any) error {
	b, err := json.Marshal(object{"type": kind, "data": data, "timestamp": at(time.Now())})
	if err != nil {
		return err
	}
	// A message that is cut short ends the connection without a goodbye.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastTime, cancel) })()
	return f.conn.Write(writing, websocket.MessageText, b)
}

// excuse tells that a question cannot be answered.
func (f *flow) excuse(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.t.o.Log.WarnContext(ctx, "a socket of TART's is not answered", observe.KeyErr, err)
	return f.tell(ctx, "error", object{"message": "the database does not answer"})
}

func (f *flow) show(ctx context.Context, n live.News) error {
	if n.Lagged > 0 {
		if err := f.tell(ctx, "lagged", object{"missed": n.Lagged}); err != nil {
			return err
		}
	}
	for i := range n.Events {
		f.sent++
		if err := f.tell(ctx, "event", f.shape(&n.Events[i], true)); err != nil {
			return err
		}
	}
	return nil
}

// shape shows an event; its id is when it came, which is another time for each event of a server.
func (f *flow) shape(e *telemetry.Event, whole bool) object {
	o := object{"id": e.Row.Received, "node_id": e.Source.Identity, "event_type": e.Row.Kind, "timestamp": at(time.UnixMicro(e.Row.At))}
	if whole {
		o["event_id"], o["event"] = exactly(e.Row.Seq), dataOf(&e.Row, e.Source, f.style)
	}
	return o
}
