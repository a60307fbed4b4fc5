package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/api/telemetry"
	"parley/api/telemetry/live"
)

// telemetryMessage is what a WebSocket gets. Server-sent events have the type as their name
// and the cursor as their id.
type telemetryMessage struct {
	Type   string          `json:"type"` // event, lagged, restarted, ready
	Cursor string          `json:"cursor,omitempty"`
	Event  *telemetryEvent `json:"event,omitempty"`
	Lagged uint64          `json:"lagged,omitempty"`
}

// telemetryStream shows events as they come, as server-sent events or over a WebSocket, until
// the client leaves, the caller has signed out or may not see them any more, or the node
// stops.
func (a *API) telemetryStream(w http.ResponseWriter, r *http.Request) {
	by, session, err := a.identify(r, signedIn)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	q, may, err := a.asked(request{Request: r, by: by})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	filter := telemetry.Filter{
		Catalogue: may.catalogue(q.catalogue()), Kinds: q.kinds(), Classes: q.classes(), Source: q.Get("source"), Session: q.session(), Scopes: may.scopes,
		Since: may.since.UnixMicro(),
	}
	cursor := q.cursor(r.Header)
	if q.err != nil {
		a.fail(w, r, q.err)
		return
	}
	if !a.opensStream(w, r, by.User) {
		return
	}
	defer a.streams.close(by.User)
	life := lifeOf(r)
	life, cancel := context.WithCancel(life)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-a.Ending:
			cancel()
		case <-life.Done():
		}
	})
	var out teller
	var left context.Context // ends when the client leaves
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		out, left, err = a.openSocket(life, w, r)
	} else {
		out, left = openEvents(w), life
	}
	if err != nil {
		return // the client was told
	}
	defer out.close()
	t := &telemetryFlow{api: a, out: out, subscription: a.Telemetry.Live.Subscribe(left, filter, cursor)}
	defer t.subscription.Close()
	opening := telemetryMessage{Type: "ready", Cursor: t.subscription.Cursor().String()}
	if t.subscription.Gone() {
		opening.Type = "restarted"
	}
	if out.tell(left, opening) == nil {
		t.run(left, func() bool {
			if a.SignOuts.Has(session) {
				return false
			}
			_, err := a.reach(left, by, q.Get("room"))
			return err == nil
		})
	}
}

// cursor reads where a stream goes on: as browsers say it when they come back, or as asked.
func (q *telemetryAsk) cursor(h http.Header) *live.Cursor {
	text := h.Get("Last-Event-Id")
	if text == "" {
		text = q.Get("cursor")
	}
	if text == "" {
		return nil
	}
	c, err := live.ParseCursor(text)
	if err != nil {
		q.wrong("cursor", "is not one that this stream gave")
	}
	return &c
}

// teller is a stream to a client.
type teller interface {
	tell(context.Context, telemetryMessage) error
	beat(context.Context) error
	close()
}

// telemetryFlow brings events from a subscription to a client.
type telemetryFlow struct {
	api          *API
	out          teller
	subscription *live.Subscription
}

// streamLook is how often it is looked up whether somebody may still see a stream.
const streamLook = time.Second

// run returns when the client is gone, or may no longer see events.
func (t *telemetryFlow) run(ctx context.Context, may func() bool) {
	now := time.Now()
	for look, beat := now.Add(streamLook), now.Add(feedBeat); ; {
		waiting, cancel := context.WithDeadline(ctx, look)
		news, err := t.subscription.Next(waiting)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if now = time.Now(); !now.Before(look) { // before anything else is shown
			if !may() {
				return
			}
			look = time.Now().Add(streamLook)
		}
		if err == nil && t.show(ctx, news) != nil {
			return
		}
		if now.Before(beat) {
			continue
		}
		if t.out.beat(ctx) != nil {
			return
		}
		beat = now.Add(feedBeat)
	}
}

func (t *telemetryFlow) show(ctx context.Context, news live.News) error {
	if news.Lagged > 0 {
		if err := t.out.tell(ctx, telemetryMessage{Type: "lagged", Lagged: news.Lagged}); err != nil {
			return err
		}
	}
	for i := range news.Events {
		e := &news.Events[i]
		shape := t.api.eventShape(&e.Row, e.Source)
		m := telemetryMessage{Type: "event", Event: &shape}
		if i == len(news.Events)-1 { // who goes on from before sees some twice, and misses none
			m.Cursor = news.Cursor.String()
		}
		if err := t.out.tell(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// serverEvents is a stream of server-sent events.
type serverEvents struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

func openEvents(w http.ResponseWriter) *serverEvents {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies would collect events
	s := &serverEvents{w, http.NewResponseController(w)}
	_ = s.out.SetReadDeadline(time.Time{}) // when that passes the server takes the client for gone
	return s
}

func (s *serverEvents) tell(_ context.Context, m telemetryMessage) error {
	var data any = struct{}{}
	switch {
	case m.Event != nil:
		data = m.Event
	case m.Lagged > 0:
		data = map[string]uint64{"lagged": m.Lagged}
	}
	id := ""
	if m.Cursor != "" {
		id = "id: " + m.Cursor + "\n"
	}
	return s.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, m.Type, toJSON(data)))
}

func (s *serverEvents) beat(context.Context) error { return s.write(": still here\n\n") }

func (s *serverEvents) write(text string) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(feedPatience))
	if _, err := fmt.Fprint(s.w, text); err != nil {
		return err
	}
	return s.out.Flush()
}

func (s *serverEvents) close() {}

// socket is a stream over a WebSocket.
type socket struct{ conn *websocket.Conn }

// openSocket upgrades r. The context it returns ends when the client leaves.
func (a *API) openSocket(ctx context.Context, w http.ResponseWriter, r *http.Request) (*socket, context.Context, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: OriginHosts(a.CORSOrigins)})
	if err != nil {
		return nil, ctx, err
	}
	return &socket{conn}, conn.CloseRead(ctx), nil
}

func (s *socket) tell(ctx context.Context, m telemetryMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, b)
}

func (s *socket) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	return s.conn.Ping(ctx)
}

func (s *socket) close() { _ = s.conn.Close(websocket.StatusGoingAway, "") }
