package app

import (
	"context"
	"net/http"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/metrics"
)

// join is one attempt to get into a room, from the request to the first packet.
type join struct {
	begin time.Time
	over  media.Transport
	done  bool
}

type joinKey struct{}

// beginJoin notes that somebody wants in. end is called when the connection is over, or never
// came about; a join that is not done by then failed on its way.
func (n *node) beginJoin(r *http.Request) (ctx context.Context, end func()) {
	j := &join{begin: time.Now(), over: media.WebSocket}
	if r.Method == http.MethodConnect {
		j.over = media.WebTransport
	}
	ctx = context.WithValue(r.Context(), joinKey{}, j)
	return ctx, func() { n.endJoin(ctx, metrics.NoHandshake) }
}

// admit asks the lobby.
func (n *node) admit(r *http.Request) (media.Peer, error) {
	peer, err := n.lobby.Admit(r)
	if err != nil {
		n.endJoin(r.Context(), string(fault.CodeOf(err)))
	}
	return peer, err
}

// joined is told by the hub.
func (n *node) joined(ctx context.Context, _ media.Transport, refused error) {
	result := metrics.Joined
	if refused != nil {
		result = string(fault.CodeOf(refused))
	}
	n.endJoin(ctx, result)
}

// endJoin counts the join that ctx belongs to, once.
func (n *node) endJoin(ctx context.Context, result string) {
	j, ok := ctx.Value(joinKey{}).(*join)
	if !ok || j.done {
		return
	}
	j.done = true
	n.joins.Count(j.over, result, time.Since(j.begin))
}
