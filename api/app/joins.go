package app

import (
	"context"
	"net/http"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/metrics"
	"parley/api/trace"
)

// join is one attempt to get into a room: the lobby looks at the token, the connection comes
// about, the hub lets the session into the room. Only the goroutine of the request uses it.
type join struct {
	begin time.Time
	over  media.Transport
	room  media.RoomID // once it is known, and so is
	user  string
	span  trace.Span
	step  trace.Span // where it is
	in    bool       // it is counted at the doorway
	done  bool
}

const (
	// comingIn is how many may be on their way in at once: enough to keep node and database busy,
	// and no more, for each takes the longer the more there are.
	comingIn = 128

	// inLine is how long others wait for them. Browsers of the shared contract begin anew when they
	// are not in within two seconds.
	inLine = time.Second

	// comeAgain is when those may try again for whom there was no room even then.
	comeAgain = 2 * time.Second
)

var errStorm = &fault.Error{
	Code: fault.Unavailable, Message: "too many people are coming in at this moment", Hint: "try again", Retry: comeAgain,
}

type joinKey struct{}

// joinOf returns the join that ctx belongs to.
func joinOf(ctx context.Context) *join {
	j, _ := ctx.Value(joinKey{}).(*join)
	return j
}

// beginJoin notes that somebody wants in. end is called when the connection is over, or never
// came about; a join that is not done by then failed on its way.
func (n *node) beginJoin(r *http.Request) (ctx context.Context, end func()) {
	j := &join{begin: time.Now(), over: media.WebSocket}
	if r.Method == http.MethodConnect {
		j.over = media.WebTransport
	}
	ctx, j.span = n.tracer.Request(r, "join")
	j.span.Set(trace.KeyTransport, string(j.over))
	ctx = context.WithValue(ctx, joinKey{}, j)
	return ctx, func() { n.endJoin(ctx, metrics.NoHandshake, nil) }
}

// admit asks the lobby.
func (n *node) admit(r *http.Request) (media.Peer, error) {
	j := joinOf(r.Context())
	ctx, step := trace.Step(r.Context(), "lobby")
	peer, err := n.lobby.Admit(r.WithContext(ctx))
	step.End(err)
	if err != nil {
		n.endJoin(r.Context(), string(fault.CodeOf(err)), err)
		return peer, err
	}
	j.room, j.user = peer.Room, peer.User
	ctx, step = trace.Step(r.Context(), "doorway")
	j.in = n.doorway.Enter(ctx)
	step.End(nil)
	if !j.in {
		n.endJoin(r.Context(), string(errStorm.Code), errStorm)
		return peer, errStorm
	}
	j.span.Set(trace.KeyRoom, string(peer.Room))
	_, j.step = trace.Step(r.Context(), "handshake")
	peer.Begun = j.begin
	return peer, nil
}

// entrance is the hub as transports see it.
type entrance struct{ node *node }

// Serve implements ws.Hub and wt.Hub.
func (e entrance) Serve(ctx context.Context, conn media.Conn, peer *media.Peer) error {
	return e.node.hub.Serve(entering(ctx), conn, peer)
}

// entering begins the last step of a join.
func entering(ctx context.Context) context.Context {
	j := joinOf(ctx)
	j.step.End(nil)
	ctx, j.step = trace.Step(ctx, "enter room")
	return ctx
}

// joined is told by the hub.
func (n *node) joined(ctx context.Context, _ media.Transport, refused error) {
	if refused != nil {
		n.endJoin(ctx, string(fault.CodeOf(refused)), refused)
		return
	}
	n.endJoin(ctx, metrics.Joined, nil)
}

// endJoin counts the join that ctx belongs to, once.
func (n *node) endJoin(ctx context.Context, result string, err error) {
	j := joinOf(ctx)
	if j.done {
		return
	}
	j.done = true
	if j.in {
		n.doorway.Leave()
	}
	if result != metrics.Joined {
		n.calls.Refused(j.room, j.user, j.over, j.begin, fault.Code(result))
	}
	n.joins.Count(j.over, result, time.Since(j.begin))
	j.step.End(err)
	j.span.Set(trace.KeyResult, result)
	if result != metrics.Joined {
		j.span.Fail(result)
	}
	j.span.End(nil)
}
