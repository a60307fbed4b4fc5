package app

import (
	"context"
	"time"

	"parley/api/observe"
)

// forgetEvery is how often the records of connections that ended long ago are deleted.
const forgetEvery = time.Hour

// forgetSessions deletes them until ctx ends. All nodes do; whoever comes later finds none.
func (n *node) forgetSessions(ctx context.Context) error {
	days := n.Config.Stores.SessionDays
	if days == 0 {
		return nil
	}
	every := time.NewTicker(forgetEvery)
	defer every.Stop()
	for {
		forgotten, err := n.stores.store.ForgetSessions(ctx, time.Now().AddDate(0, 0, -days))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			n.Log.Warn("records of old connections are not deleted yet", observe.KeyErr, err)
		case forgotten > 0:
			n.Log.Info("records of old connections are deleted", "connections", forgotten, "older_than_days", days)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}
