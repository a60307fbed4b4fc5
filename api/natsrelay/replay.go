package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// replayRooms is how many logs one consumer reads.
	replayRooms = 256
	// consumerDelete is where the server is asked to remove a consumer.
	consumerDelete = "$JS.API.CONSUMER.DELETE." + EventStream + "."
	// replayBatch is how many events are read at once.
	replayBatch = 256
)

// replay reads the logs of rooms that missed events, and of all rooms whenever presence was
// read again, until ctx ends.
func (r *Relay) replay(ctx context.Context) {
	retry := time.NewTimer(leaseEvery)
	defer retry.Stop()
	all := false
	for {
		select {
		case <-r.resynced:
			all = true
		case <-r.lagging:
		case <-retry.C:
		case <-ctx.Done():
			return
		}
		if !r.nc.IsConnected() {
			continue // follow comes here when it is back
		}
		missing, err := r.catchUp(ctx, all)
		switch {
		case err == nil && missing:
			retry.Reset(rereadAfter)
		case err != nil && ctx.Err() == nil:
			r.log.Warn("missed events not read", "err", err)
			retry.Reset(leaseEvery)
		}
		all = all && err != nil
	}
}

// catchUp tells the rooms what they missed, all or those that know of it. It reports whether
// something is still missing.
func (r *Relay) catchUp(ctx context.Context, all bool) (missing bool, err error) {
	links := make(map[string]*link)
	r.mu.Lock()
	for room, l := range r.links {
		if l.lags(all) {
			links[EventPrefix+string(room)] = l
		}
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	for some := range slices.Chunk(slices.Collect(maps.Keys(links)), replayRooms) {
		read, err := r.readLogs(ctx, some)
		if err != nil {
			return false, err
		}
		for _, subject := range some {
			missing = links[subject].catchUp(read[subject]) || missing
		}
	}
	return missing, nil
}

// lags reports whether the log of l is to be read; from then on what comes is held.
func (l *link) lags(whatever bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.behind = l.log.open && (l.log.behind || whatever)
	return l.log.behind
}

// readLogs returns what the stream keeps of some subjects, each oldest first: at least what
// was stored before the call.
func (r *Relay) readLogs(ctx context.Context, subjects []string) (map[string][]logged, error) {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	look := r.readAll
	if r.replicas == 1 {
		look = r.readOnce
	}
	for {
		read, err := look(ctx, subjects)
		switch {
		case errors.Is(err, errBehind), errors.Is(err, errFewer):
		case errors.Is(err, nats.ErrNoResponders) && r.replicas > 1: // as while a leader is elected
		default:
			return read, err
		}
		pause := time.NewTimer(rereadAfter)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, err
		}
	}
}

var (
	// errBehind says that a server of a cluster did not know what the leader of the stream knew.
	errBehind = errors.New("the server is behind")

	// errFewer says that a server did not hand over what it had announced: it has forgotten some of it
	// meanwhile, or is busy.
	errFewer = errors.New("fewer than announced")
)

// handOver is how long a server may hand over nothing of what it has, which takes a few milliseconds.
const handOver = 500 * time.Millisecond

// readAll reads once and checks that nothing is missing.
func (r *Relay) readAll(ctx context.Context, subjects []string) (map[string][]logged, error) {
	ends := make(map[string]uint64, len(subjects))
	for _, subject := range subjects {
		end, err := r.end(ctx, subject)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		ends[subject] = end.seq
	}
	read, err := r.readOnce(ctx, subjects)
	if err == nil && !reaches(read, ends) {
		err = errBehind
	}
	return read, err
}

// reaches reports whether each log was read to its end.
func reaches(read map[string][]logged, ends map[string]uint64) bool {
	for subject, end := range ends {
		if n := len(read[subject]); end != 0 && (n == 0 || read[subject][n-1].seq < end) {
			return false
		}
	}
	return true
}

// readOnce returns what a server of the stream has of some subjects.
func (r *Relay) readOnce(ctx context.Context, subjects []string) (map[string][]logged, error) {
	c, err := r.js.CreateConsumer(ctx, EventStream, jetstream.ConsumerConfig{
		Description:       string(r.node),
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		FilterSubjects:    subjects,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: consumerKeep,
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	// Nobody waits for the answer: should it not arrive, the consumer goes by itself.
	defer func() { _ = r.nc.Publish(consumerDelete+c.CachedInfo().Name, nil) }()
	all := make(map[string][]logged)
	for left := int(c.CachedInfo().NumPending); left > 0; {
		n, err := take(ctx, c, min(left, replayBatch), all)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		left -= n
	}
	return all, nil
}

// take adds up to most events that c has not handed over yet to all, by subject, and returns how many
// messages that took, at least one.
func take(ctx context.Context, c jetstream.Consumer, most int, all map[string][]logged) (n int, err error) {
	soon, cancel := context.WithTimeout(ctx, handOver)
	defer cancel()
	batch, err := c.Fetch(most, jetstream.FetchContext(soon))
	if err != nil {
		return 0, err
	}
	for m := range batch.Messages() {
		n++
		meta, err := m.Metadata()
		if err != nil {
			return n, err
		}
		if e, ok := decodeEvent(m.Headers(), m.Data(), meta.Sequence.Stream); ok {
			all[m.Subject()] = append(all[m.Subject()], e)
		}
	}
	if err := batch.Error(); err != nil && (soon.Err() == nil || ctx.Err() != nil) {
		return n, err
	}
	if n == 0 {
		return 0, errFewer
	}
	return n, nil
}
