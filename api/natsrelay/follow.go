package natsrelay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// followPause is the wait before the bucket is read again after a failure.
	followPause = 250 * time.Millisecond
	// consumerKeep is how long the server keeps the consumer of a node that is gone.
	consumerKeep = 10 * time.Second
	// clockWindow is of how many leases the fastest tells the offset of the clocks.
	clockWindow = 8
)

var (
	errReconnected = errors.New("reconnected")
	errGap         = errors.New("changes were lost")
	errStale       = errors.New("changes stopped coming")
)

// follow keeps the mirror like the bucket until ctx ends.
func (r *Relay) follow(ctx context.Context) {
	status := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(status)
	defer r.tasks.Wait()
	for {
		err := r.track(ctx, status)
		r.unsync()
		if ctx.Err() != nil {
			return
		}
		r.log.Info("reading presence again", "err", err)
		if errors.Is(err, errReconnected) {
			continue
		}
		pause := time.NewTimer(followPause)
		select {
		case <-pause.C:
		case <-status:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// track reads the bucket and follows its changes until something fails.
func (r *Relay) track(ctx context.Context, status <-chan nats.Status) error {
	for len(status) > 0 {
		<-status
	}
	if !r.nc.IsConnected() {
		return nats.ErrDisconnected
	}
	f, err := r.feed(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := r.prepare(ctx); err != nil {
			return err
		}
		f, err = r.feed(ctx)
	}
	if err != nil {
		return err
	}
	defer f.close()
	snapshot, err := f.snapshot(ctx)
	if err != nil {
		return err
	}
	r.update(ctx, func(now time.Time, n *news) { r.reconcile(snapshot, now, n) })
	wake(r.resynced)
	if err := r.beginEpoch(ctx); err != nil {
		return err
	}
	r.tasks.Go(func() { // the other streams may be gone without this one
		if err := r.prepare(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("streams not checked", "err", err)
		}
	})

	var offsets clock
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case m := <-f.messages:
			c, err := f.decode(m)
			if err != nil {
				return err
			}
			r.update(ctx, func(now time.Time, n *news) { r.apply(&c, now, n) })
			if c.op == put && c.key == leaseKey(r.node) {
				r.skew.Store(offsets.observe(time.Since(c.created)).Milliseconds())
			}
		case <-tick.C:
			r.update(ctx, func(now time.Time, n *news) { r.sweep(ctx, now, n) })
			if r.stale() {
				return errStale
			}
		case <-status:
			return errReconnected
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// update changes the mirror and tells those concerned.
func (r *Relay) update(ctx context.Context, change func(time.Time, *news)) {
	var n news
	r.mu.Lock()
	change(time.Now(), &n)
	r.mu.Unlock()
	for _, call := range n.calls {
		call()
	}
	for _, node := range n.lost {
		r.log.Warn("node lost", "node", node)
	}
	if r.gone != nil {
		for _, node := range slices.Concat(n.lost, n.left) {
			r.tasks.Go(func() { r.tellGone(ctx, node) })
		}
	}
	if n.mend {
		r.wakeMend()
	}
	if n.revived && r.revived != nil {
		r.tasks.Go(func() { r.tellRevived(ctx) })
	}
}

// beginEpoch names the bucket if nobody did.
func (r *Relay) beginEpoch(ctx context.Context) error {
	r.mu.Lock()
	known := r.mirror.epoch != ""
	r.mu.Unlock()
	if known {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	_, err := r.js.Publish(ctx, presencePrefix+epochKey, []byte(rand.Text()), jetstream.WithExpectLastSequencePerSubject(0))
	if err != nil && !conflicts(err) {
		return fmt.Errorf("begin epoch: %w", err)
	}
	return nil // either way it comes back as a change
}

// stale reports whether our lease did not come back in time.
func (r *Relay) stale() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &r.mirror
	return m.owed > m.seen && time.Since(m.owedSince) > staleAfter
}

// feed is a consumer of the bucket. It is not one of nats.go's: those notice a lost server
// only after ten seconds without heartbeat, while our lease tells within three.
type feed struct {
	messages chan *nats.Msg
	done     chan struct{}
	sub      *nats.Subscription
	pending  uint64 // changes before the snapshot is complete
	last     uint64 // consumer's number of the last change
}

func (r *Relay) feed(ctx context.Context) (*feed, error) {
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	f := &feed{messages: make(chan *nats.Msg), done: make(chan struct{})}
	inbox := r.nc.NewInbox()
	sub, err := r.nc.Subscribe(inbox, func(m *nats.Msg) {
		select {
		case f.messages <- m:
		case <-f.done:
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read presence: %w", err)
	}
	f.sub = sub
	consumer, err := r.js.CreatePushConsumer(ctx, presenceStream, jetstream.ConsumerConfig{
		Description:       string(r.node),
		DeliverSubject:    inbox,
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		FilterSubject:     presencePrefix + ">",
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: consumerKeep,
	})
	if err != nil {
		f.close()
		return nil, fmt.Errorf("read presence: %w", err)
	}
	info := consumer.CachedInfo()
	f.pending = info.NumPending + info.Delivered.Consumer
	return f, nil
}

// close ends the feed; the server removes its consumer when nobody listens.
func (f *feed) close() {
	close(f.done)
	_ = f.sub.Unsubscribe() // fails when the connection is closed: then it is gone, too
}

// snapshot returns the last change of every key.
func (f *feed) snapshot(ctx context.Context) ([]change, error) {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	changes := make([]change, 0, f.pending)
	for f.last < f.pending {
		select {
		case m := <-f.messages:
			c, err := f.decode(m)
			if err != nil {
				return nil, err
			}
			changes = append(changes, c)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return changes, nil
}

// decode returns the change that m tells, or errGap when one before it is missing.
func (f *feed) decode(m *nats.Msg) (change, error) {
	meta, err := m.Metadata()
	if err != nil {
		return change{}, fmt.Errorf("read presence: %w", err)
	}
	f.last++
	if meta.Sequence.Consumer != f.last {
		return change{}, errGap
	}
	c := change{
		key:     strings.TrimPrefix(m.Subject, presencePrefix),
		value:   m.Data,
		rev:     meta.Sequence.Stream,
		created: meta.Timestamp,
	}
	switch m.Header.Get(operationHeader) {
	case withdrawnMark:
		c.op = withdrawn
	case evictedMark:
		c.op = evicted
	}
	return c, nil
}

// clock estimates how far our clock is ahead of the server's: the smallest of the last
// delays is the one with the least way in it.
type clock struct {
	delays [clockWindow]time.Duration
	n      int
}

func (c *clock) observe(delay time.Duration) time.Duration {
	c.delays[c.n%clockWindow] = delay
	c.n++
	least := delay
	for _, d := range c.delays[:min(c.n, clockWindow)] {
		least = min(least, d)
	}
	return least
}
