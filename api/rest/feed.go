package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// feedBeat is the pause between comments that keep a silent stream open through proxies.
const feedBeat = 20 * time.Second

// lifeKey is where guard keeps the context of a request without the deadline of answers.
type lifeKey struct{}

// feedStream tells the caller, as server-sent events, which of their meetings changed, until
// the client leaves or the node stops. A change is {"meeting_id": …}; what it is shows the
// list.
func (a *API) feedStream(w http.ResponseWriter, r *http.Request) {
	s, err := a.session(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	news, stop := a.Meetings.Watch(a.caller(s))
	defer stop()
	life, _ := r.Context().Value(lifeKey{}).(context.Context)
	if life == nil {
		life = r.Context()
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies would collect events
	out := http.NewResponseController(w)
	beat := time.NewTicker(feedBeat)
	defer beat.Stop()
	event := ": hello\n\n"
	for {
		_ = out.SetWriteDeadline(time.Now().Add(feedBeat))
		if _, err := fmt.Fprint(w, event); err != nil || out.Flush() != nil {
			return
		}
		select {
		case room := <-news:
			event = fmt.Sprintf("event: change\ndata: {\"meeting_id\":%q}\n\n", room)
		case <-beat.C:
			event = ": still here\n\n"
		case <-life.Done():
			return
		case <-a.Ending:
			return
		}
	}
}
