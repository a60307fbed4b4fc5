package natsrelay

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/api/media"
)

const (
	// leaseEvery is how often a node says that it lives; leaseTTL how long it is believed.
	// Three renewals may be lost, and a dead node is cleaned up within 7 s.
	leaseEvery = 1500 * time.Millisecond
	leaseTTL   = 5 * time.Second

	// selfDoubt is how long after its own last lease a node judges others.
	selfDoubt = 2 * leaseEvery
	// staleAfter is how long a renewed lease may take to come back before the bucket is
	// read anew.
	staleAfter = 2 * time.Second
	// sweepEvery is how often leases are looked at.
	sweepEvery = 500 * time.Millisecond
)

// keepLease renews the lease of this node until ctx ends.
func (r *Relay) keepLease(ctx context.Context) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	failing := false
	for {
		_, err := r.renew(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			r.log.Warn("lease not renewed", "err", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// renew stores the lease of this node and returns its revision.
func (r *Relay) renew(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTTL/2)
	defer cancel()
	ack, err := r.js.Publish(ctx, presencePrefix+leaseKey(r.node), nil, jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := &r.mirror; m.owed <= m.seen {
		m.owed, m.owedSince = ack.Sequence, time.Now()
	}
	return ack.Sequence, nil
}

// barrier returns when the mirror knows everything that was stored before the call.
func (r *Relay) barrier(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	for {
		r.mu.Lock()
		synced, generation := r.mirror.synced, r.mirror.generation
		r.mu.Unlock()
		select {
		case <-synced:
		case <-ctx.Done():
			return unavailable(context.Cause(ctx))
		}
		rev, err := r.renew(ctx)
		if err != nil {
			return unavailable(err)
		}
		reached, err := r.await(ctx, rev, generation)
		if reached || err != nil {
			return err
		}
	}
}

// await waits until the mirror has reached rev; false when it began anew since generation.
func (r *Relay) await(ctx context.Context, rev uint64, generation int) (bool, error) {
	for {
		r.mu.Lock()
		m := &r.mirror
		if m.generation != generation || m.seen >= rev {
			defer r.mu.Unlock()
			return m.generation == generation, nil
		}
		reached := make(chan struct{})
		m.waiting = append(m.waiting, waiter{rev, reached})
		r.mu.Unlock()
		select {
		case <-reached:
		case <-ctx.Done():
			return false, unavailable(context.Cause(ctx))
		}
	}
}

// sweep looks for nodes whose lease ran out.
func (r *Relay) sweep(ctx context.Context, now time.Time, n *news) {
	m := &r.mirror
	if self := m.nodes[r.node]; self == nil || now.Sub(self.seen) > selfDoubt {
		return
	}
	for id, p := range m.nodes {
		if id == r.node || p.evicting || now.Sub(p.seen) <= leaseTTL {
			continue
		}
		p.evicting = true
		if lease := p.lease; lease != 0 {
			r.tasks.Go(func() { r.evict(ctx, id, lease) })
			continue
		}
		if !p.lost {
			p.lost = true
			n.lost = append(n.lost, id)
		}
		r.bury(ctx, id, n)
	}
}

// bury forgets a node without lease and what is left of it; r.mu is held.
func (r *Relay) bury(ctx context.Context, id media.NodeID, n *news) {
	m := &r.mirror
	for room, entries := range m.rooms {
		for key, e := range entries {
			if e.member.Node == id && e.rev == 0 {
				r.forget(room, key, true, n)
			}
		}
	}
	if p := m.nodes[id]; p.entries == 0 {
		if p.back == nil {
			delete(m.nodes, id)
		}
		return
	}
	r.tasks.Go(func() { r.purge(ctx, id) })
}

// evict removes the lease of a dead node and its entries. If the lease changed meanwhile the
// node lives, or another survivor is at it.
func (r *Relay) evict(ctx context.Context, id media.NodeID, lease uint64) {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	if err := r.erase(ctx, leaseKey(id), lease, evictedMark); err != nil {
		if !conflicts(err) {
			r.log.Warn("dead node not removed", "node", id, "err", err)
		}
		r.retryEviction(id)
		return
	}
	r.purge(ctx, id)
}

// purge removes the entries of a dead node.
func (r *Relay) purge(ctx context.Context, id media.NodeID) {
	defer r.retryEviction(id)
	r.mu.Lock()
	entries := make(map[string]uint64)
	for _, in := range r.mirror.rooms {
		for key, e := range in {
			if e.member.Node == id && e.rev != 0 {
				entries[key] = e.rev
			}
		}
	}
	r.mu.Unlock()
	r.log.Info("removing members of a dead node", "node", id, "members", len(entries))
	for key, rev := range entries {
		// What fails now is found without a lease by the next sweep.
		if err := r.erase(ctx, key, rev, evictedMark); err != nil && !conflicts(err) {
			r.log.Warn("member of a dead node not removed", "node", id, "err", err)
			return
		}
	}
}

// retryEviction lets the next sweep look at a node again.
func (r *Relay) retryEviction(id media.NodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.mirror.nodes[id]; p != nil {
		p.evicting = false
	}
}

// tellGone reports a node that is gone, for as long as it is.
func (r *Relay) tellGone(ctx context.Context, id media.NodeID) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	p := r.mirror.nodes[id]
	if p != nil && p.lease == 0 {
		p.back = cancel
	}
	r.mu.Unlock()
	if p != nil && p.lease != 0 {
		return // it is back
	}
	r.gone(ctx, id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p != nil {
		p.back = nil
	}
}

// tellRevived reports that this node is back, once what the others did because it was gone
// can be expected to be done, or given up: they know of its lease by then.
func (r *Relay) tellRevived(ctx context.Context) {
	settled := time.NewTimer(leaseEvery)
	defer settled.Stop()
	select {
	case <-settled.C:
		r.log.Info("back after others may have taken this node for dead")
		r.revived(ctx)
	case <-ctx.Done():
	}
}

// leave removes this node and its members from the bucket.
func (r *Relay) leave() {
	if !r.nc.IsConnected() {
		return // the lease will run out
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	r.mu.Lock()
	keys := make([]string, 0, len(r.mirror.own))
	for key := range r.mirror.own {
		keys = append(keys, key)
	}
	clear(r.mirror.own)
	r.mu.Unlock()
	for _, key := range keys {
		m := marker(key, withdrawnMark)
		m.Header[jetstream.MsgTTLHeader] = []string{markerKeep.String()}
		if err := r.nc.PublishMsg(m); err != nil {
			return
		}
	}
	// Acknowledged, so everything before it is stored.
	if err := r.erase(ctx, leaseKey(r.node), 0, withdrawnMark); err != nil {
		r.log.Warn("left without goodbye", "err", err)
	}
}
