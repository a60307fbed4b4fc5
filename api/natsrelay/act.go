package natsrelay

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"parley/api/media"
)

// Act tells every other node to apply a. It returns when the server has it; a node that is
// cut off then never hears of it, so what a says must be on record where that node looks.
func (r *Relay) Act(ctx context.Context, a media.Act) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("natsrelay: %w", err)
	}
	if err := r.nc.Publish(actSubject, b); err != nil {
		return unavailable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	if err := r.nc.FlushWithContext(ctx); err != nil {
		return unavailable(err)
	}
	return nil
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
}
