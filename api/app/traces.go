package app

import (
	"context"
	"errors"
	"time"

	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/observe"
	"parley/api/trace"
	"parley/api/trace/otlp"
)

// openTraces prepares to send traces, if somebody collects them.
func (n *node) openTraces(ctx context.Context) (err error) {
	endpoint := n.Config.Log.Traces
	if endpoint == "" {
		return nil
	}
	n.traces, err = otlp.Open(ctx, otlp.Options{
		Endpoint: endpoint, Version: observe.ReadBuild().Version, Node: string(n.id), Log: n.Log.With("part", "traces"),
	})
	if err == nil {
		n.tracer = n.traces.Tracer
	}
	return err
}

// tracesTime bounds sending the last traces: a collector that is away must not hold up a stop.
const tracesTime = 2 * time.Second

// closeTraces sends what is left.
func (n *node) closeTraces(ctx context.Context) {
	if n.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTime)
	defer cancel()
	if err := n.traces.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		n.Log.Warn("close traces", observe.KeyErr, err)
	}
}

// tracedRelay shows how long it takes to reach the other nodes of a room that opens.
type tracedRelay struct{ *natsrelay.Relay }

var _ media.Relay = tracedRelay{}

// Open implements media.Relay.
func (r tracedRelay) Open(ctx context.Context, room media.RoomID, sink media.Sink) (media.Link, error) {
	ctx, step := trace.Step(ctx, "open room")
	l, err := r.Relay.Open(ctx, room, sink)
	step.End(err)
	return l, err
}
