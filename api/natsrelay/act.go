package natsrelay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/media"
)

// actPatience is how long Act waits for the other nodes: one that does not answer for so long
// is cut off or about to be taken for dead. A node that is merely busy gets to it in that time.
const actPatience = time.Second

// Act tells every other node to apply a, and returns when all that are alive have, or after
// a second. A node that is cut off never hears of it, so what a says must be on
// record where that node looks. It fails when NATS is out of reach.
func (r *Relay) Act(ctx context.Context, a media.Act) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("natsrelay: %w", err)
	}
	if a.Changed {
		return r.sent(r.nc.Publish(actSubject, b))
	}
	inbox := r.nc.NewRespInbox()
	answers, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := r.nc.PublishRequest(actSubject, inbox, b); err != nil {
		return unavailable(err)
	}
	waiting, cancel := context.WithTimeout(ctx, actPatience)
	defer cancel()
	for range r.others() {
		if _, err := answers.NextMsgWithContext(waiting); err != nil {
			if waiting.Err() != nil && ctx.Err() == nil {
				r.log.Warn("a node did not answer in time", "room", string(a.Room))
				return nil
			}
			return unavailable(err)
		}
	}
	return nil
}

func (r *Relay) sent(err error) error {
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// others returns how many other nodes are alive.
func (r *Relay) others() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, node := range r.mirror.nodes {
		if id != r.node && node.lease != 0 {
			n++
		}
	}
	return n
}

// hearAct is told of an act of another node: connections hear no echo of their own.
func (r *Relay) hearAct(m *nats.Msg) {
	var a media.Act
	if err := json.Unmarshal(m.Data, &a); err != nil {
		r.log.Warn("an act of another node is not readable", "err", err)
		return
	}
	if r.acted != nil {
		r.acted(a)
	}
	if m.Reply != "" {
		_ = m.Respond([]byte(r.node)) // without NATS nobody waits
	}
}
