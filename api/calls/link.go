package calls

import (
	"time"

	"parley/api/fault"
)

// link is the way of the node to something that it needs.
type link struct {
	start  began
	failed bool // the attempt that began then
}

// Connecting says that the node connects to something it needs: for the first time, or because
// the connection is lost. Like all that follow of the same it never blocks.
func (r *Recorder) Connecting(to string) {
	now := time.Now()
	r.tell(func() { r.links[to] = &link{start: r.connecting(to, now)} })
}

func (r *Recorder) connecting(to string, at time.Time) began {
	return began{r.server.say("ConnectingOut", at, map[string]any{"to": to}), at}
}

// ConnectFailed says that an attempt failed. Of an outage the first is recorded.
func (r *Recorder) ConnectFailed(to string, err error) {
	now := time.Now()
	r.tell(func() {
		l := r.links[to]
		if l == nil || l.failed {
			return
		}
		l.failed = true
		r.server.say("ConnectOutFailed", now, map[string]any{"connecting_id": l.start.event, "code": code(fault.Unavailable), "reason": cut(err.Error(), 128)})
	})
}

// ConnectedTo says that the connection is there.
func (r *Recorder) ConnectedTo(to string) {
	now := time.Now()
	r.tell(func() {
		l := r.links[to]
		if l == nil {
			return
		}
		delete(r.links, to)
		if l.failed {
			l.start = r.connecting(to, l.start.at)
		}
		r.server.say("ConnectedOut", now, map[string]any{"connecting_id": l.start.event, "took_ms": milliseconds(now.Sub(l.start.at))})
	})
}
