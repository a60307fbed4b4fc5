package natsrelay

import (
	"context"
	"time"

	"parley/api/media"
)

// listPatience bounds the wait for the latest news of the other nodes.
const listPatience = 500 * time.Millisecond

// Members returns everybody who is present anywhere in the cluster, in no order. It waits for
// what happened on other nodes before the call, but not long: while NATS is out of reach that
// may be missing.
func (r *Relay) Members(ctx context.Context) []media.Member {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	if err := r.barrier(ctx); err != nil {
		r.log.Warn("members are listed as they were", "err", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	members := make([]media.Member, 0, len(r.mirror.own))
	for _, o := range r.mirror.own {
		if !o.unwanted {
			members = append(members, o.member)
		}
	}
	for _, entries := range r.mirror.rooms {
		for _, e := range entries {
			members = append(members, e.member)
		}
	}
	return members
}
