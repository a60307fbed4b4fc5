package natsrelay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/api/fault"
	"parley/api/media"
)

// markerKeep is how long the marker of a removed key stays: longer than the outages after
// which it matters who removed an entry.
const markerKeep = 10 * time.Minute

// own is an entry that the bucket should hold of this node. Relay.mu guards all but turn.
type own struct {
	// turn admits one writer at a time: a write depends on the revision of the one before.
	// It is a channel so that waiting for it ends with a context.
	turn chan struct{}

	member   media.Member
	value    []byte
	rev      uint64 // of the last message of the key; 0 when not known
	unwanted bool   // to be removed
	stale    bool   // to be stored, or removed, by mend
}

// announce stores the entry of a member of this node.
func (r *Relay) announce(ctx context.Context, m media.Member) error {
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode member: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	key := memberKey(m.Room, m.Node, m.Session)
	for {
		r.mu.Lock()
		o := r.mirror.own[key]
		if o == nil {
			o = &own{turn: make(chan struct{}, 1), member: m, value: value}
			r.mirror.own[key] = o
		}
		r.mu.Unlock()

		if err := o.begin(ctx); err != nil {
			return unavailable(err)
		}
		r.mu.Lock()
		current := r.mirror.own[key] == o
		if current {
			o.member, o.value, o.unwanted, o.stale = m, value, false, true
		}
		r.mu.Unlock()
		if current {
			err = r.store(ctx, key, o)
		}
		o.end()
		if current {
			r.mendLater(err)
			return err
		}
	}
}

// store writes an entry of this node; the caller has the turn.
func (r *Relay) store(ctx context.Context, key string, o *own) error {
	for {
		r.mu.Lock()
		value, rev, taken := o.value, o.rev, r.mirror.own[key] != o
		r.mu.Unlock()
		if taken {
			return fault.New(fault.Conflict, "another node withdrew the session")
		}
		var opts []jetstream.PublishOpt
		if rev != 0 {
			opts = append(opts, jetstream.WithExpectLastSequencePerSubject(rev))
		}
		ack, err := r.attempt(ctx, key, value, opts)
		switch {
		case err == nil:
			r.mu.Lock()
			o.rev, o.stale = max(o.rev, ack.Sequence), false
			r.mu.Unlock()
			return nil
		case conflicts(err):
			if err := r.relearn(ctx, o, rev); err != nil {
				return err
			}
		case !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
			return unavailable(err)
		}
	}
}

// attempt stores one value. It gives up early: what a cluster is asked while it elects a
// leader is never answered, and a value may be stored twice.
func (r *Relay) attempt(ctx context.Context, key string, value []byte, opts []jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	return r.js.Publish(ctx, presencePrefix+key, value, opts...)
}

// relearn waits until the mirror knows what made a write on condition of rev fail.
func (r *Relay) relearn(ctx context.Context, o *own, rev uint64) error {
	if err := r.barrier(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.rev == rev { // nothing: even the marker of its removal expired
		o.rev = 0
	}
	return nil
}

// withdrawOwn removes an entry of this node; false when another node did so before.
func (r *Relay) withdrawOwn(ctx context.Context, m media.Member) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	key := memberKey(m.Room, r.node, m.Session)
	r.mu.Lock()
	o := r.mirror.own[key]
	if o != nil {
		o.unwanted, o.stale = true, true
	}
	r.mu.Unlock()
	if o == nil {
		return false, nil
	}
	if err := o.begin(ctx); err != nil {
		return false, unavailable(err)
	}
	defer o.end()
	removed, err := r.remove(ctx, key, o)
	r.mendLater(err)
	return removed, err
}

// remove erases an entry of this node and reports whether it was there until then; the
// caller has the turn.
func (r *Relay) remove(ctx context.Context, key string, o *own) (bool, error) {
	for {
		r.mu.Lock()
		rev, taken := o.rev, r.mirror.own[key] != o
		r.mu.Unlock()
		if taken {
			return false, nil
		}
		err := r.erase(ctx, key, rev, withdrawnMark)
		if err == nil {
			r.mu.Lock()
			delete(r.mirror.own, key)
			r.mu.Unlock()
			return true, nil
		}
		if !conflicts(err) {
			return false, unavailable(err)
		}
		if err := r.relearn(ctx, o, rev); err != nil {
			return false, err
		}
	}
}

// withdrawOther removes an entry of another node and reports whether this call did it.
func (r *Relay) withdrawOther(ctx context.Context, m media.Member) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	key := memberKey(m.Room, m.Node, m.Session)
	for current := false; ; current = true {
		r.mu.Lock()
		e := r.mirror.rooms[m.Room][key]
		rev := uint64(0)
		if e != nil {
			rev = e.rev
		}
		r.mu.Unlock()
		switch {
		case rev != 0:
			err := r.erase(ctx, key, rev, withdrawnMark)
			if err == nil {
				return true, nil
			}
			if !conflicts(err) {
				return false, unavailable(err)
			}
		case current && e == nil:
			return false, nil
		case current:
			return false, unavailable(errors.New("nothing heard of its node since an outage"))
		}
		if err := r.barrier(ctx); err != nil {
			return false, err
		}
	}
}

// erase replaces a key by a marker that says how it was removed, on condition that rev is
// its last revision; 0 is no condition.
func (r *Relay) erase(ctx context.Context, key string, rev uint64, mark string) error {
	opts := []jetstream.PublishOpt{jetstream.WithMsgTTL(markerKeep)}
	if rev != 0 {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(rev))
	}
	_, err := r.js.PublishMsg(ctx, marker(key, mark), opts...)
	return err
}

func marker(key, mark string) *nats.Msg {
	m := nats.NewMsg(presencePrefix + key)
	m.Header[operationHeader] = []string{mark}
	return m
}

// mend stores and removes entries of this node that are not as they should be, until ctx ends.
func (r *Relay) mend(ctx context.Context) {
	retry := time.NewTimer(leaseEvery)
	defer retry.Stop()
	for {
		select {
		case <-r.repair:
		case <-retry.C:
		case <-ctx.Done():
			return
		}
		if !r.nc.IsConnected() {
			continue // follow comes here when it is back
		}
		if err := r.mendAll(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("presence not up to date", "err", err)
			retry.Reset(leaseEvery)
		}
	}
}

// mendLater leaves to mend what failed with err.
func (r *Relay) mendLater(err error) {
	if err != nil && fault.CodeOf(err) != fault.Conflict {
		r.wakeMend()
	}
}

func (r *Relay) mendAll(ctx context.Context) error {
	r.mu.Lock()
	stale := make(map[string]*own)
	for key, o := range r.mirror.own {
		if o.stale {
			stale[key] = o
		}
	}
	r.mu.Unlock()
	for key, o := range stale {
		if err := r.mendOne(ctx, key, o); err != nil && fault.CodeOf(err) != fault.Conflict {
			return err
		}
	}
	return nil
}

func (r *Relay) mendOne(ctx context.Context, key string, o *own) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	r.mu.Lock()
	stale, unwanted := o.stale, o.unwanted
	r.mu.Unlock()
	switch {
	case !stale: // somebody else was faster
		return nil
	case unwanted:
		_, err := r.remove(ctx, key, o)
		return err
	default:
		return r.store(ctx, key, o)
	}
}

func (r *Relay) wakeMend() { wake(r.repair) }

// wake puts a token into c unless there is one.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (o *own) begin(ctx context.Context) error {
	select {
	case o.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *own) end() { <-o.turn }

// conflicts reports whether a write failed because its condition did not hold.
func conflicts(err error) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
