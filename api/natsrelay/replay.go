package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/api/media"
	"parley/api/wire"
)

const (
	// replayMost is how far back events are told after an outage: what is older is of no use
	// to those who are still there.
	replayMost = 10 * time.Minute
	// replayMargin is by how much a gap is taken to be longer than it was: events may have
	// been on their way, from server to server, when our lease overtook them.
	replayMargin = leaseEvery
	// replayRooms is how many rooms one consumer reads.
	replayRooms = 256
	// replayBatch is how many events are read at once.
	replayBatch = 256
	// heldEvents is how many new events of a room wait for older ones at most.
	heldEvents = 1024
	// seenEvents is how many events of a room are remembered, so that none is told twice.
	seenEvents = 256
)

// events is the part of a link that misses no event. link.mu guards it.
type events struct {
	opened     time.Time   // on the server's clock; older events are none of ours
	connection uint64      // of which everything is told; events of a later one are held
	held       []*nats.Msg // came before we read what was missed
	heard      []sighting  // the last events that came by themselves
	read       []sighting  // those that were read from the stream
}

var identitySeed = maphash.MakeSeed()

// identity tells events apart: by the stamp, which foreign ones lack, and the bytes.
func identity(h nats.Header, data []byte) uint64 {
	var hash maphash.Hash
	hash.SetSeed(identitySeed)
	for _, stamp := range h[stampKey] {
		_, _ = hash.WriteString(stamp)
	}
	_, _ = hash.Write(data)
	return hash.Sum64()
}

// sighting is an event that a room was told of.
type sighting struct {
	id uint64
	at time.Time // on the server's clock
}

func remember(seen []sighting, id uint64, at time.Time) []sighting {
	if len(seen) >= seenEvents {
		seen = slices.Delete(seen, 0, 1)
	}
	return append(seen, sighting{id, at})
}

// known reports whether id was seen since a time. Foreign events carry no stamp, so what is
// older may be another one of the same bytes.
func known(seen []sighting, id uint64, since time.Time) bool {
	return slices.ContainsFunc(seen, func(s sighting) bool { return s.id == id && !s.at.Before(since) })
}

// connection counts the connections to NATS that there were before this one.
func (r *Relay) connection() uint64 { return r.nc.Stats().Reconnects }

// receiveEvent takes an event that came by itself; l.mu is held.
func (l *link) receiveEvent(m *nats.Msg) {
	e := &l.events
	if l.relay.connection() != e.connection && len(e.held) < heldEvents {
		e.held = append(e.held, m)
		return
	}
	// It may have been read from the stream in the moment in which it came.
	l.hear(m, time.UnixMilli(l.relay.serverTime(time.Now())).Add(-replayMargin))
}

// hear delivers an event unless it is one of those read that were stored since a time; l.mu
// is held.
func (l *link) hear(m *nats.Msg, since time.Time) {
	e := &l.events
	id := identity(m.Header, m.Data)
	e.heard = remember(e.heard, id, time.UnixMilli(l.relay.serverTime(time.Now())))
	if known(e.read, id, since) {
		return
	}
	_, _, ours := origin(m.Header)
	l.deliver(media.Delivery{Foreign: !ours, Wire: m.Data})
}

// readEvent delivers an event of the stream unless it is known since the gap began.
func (l *link) readEvent(m jetstream.Msg, stored, gap time.Time) {
	node, _, ours := origin(m.Headers())
	if ours && node == l.relay.node || len(m.Data()) == 0 || len(m.Data()) > wire.MaxPacket+wire.StampRoom {
		return
	}
	id := identity(m.Headers(), m.Data())
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.events
	if l.closed || stored.Before(e.opened) || known(e.heard, id, gap) || known(e.read, id, gap) {
		return
	}
	e.read = remember(e.read, id, stored)
	l.deliver(media.Delivery{Foreign: !ours, Wire: m.Data()})
}

// release delivers the events that were held since gap, until connection was caught up with.
func (l *link) release(connection uint64, gap time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.events
	e.connection = connection
	if !l.closed {
		for _, m := range e.held {
			l.hear(m, gap)
		}
	}
	e.held = nil
}

// opened returns the links of all rooms.
func (r *Relay) opened() map[string]*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	links := make(map[string]*link, len(r.links))
	for room, l := range r.links {
		links[EventPrefix+string(room)] = l
	}
	return links
}

// releaseAll lets all links go on without what they missed.
func (r *Relay) releaseAll() {
	connection := r.connection()
	r.mu.Lock()
	gap := r.mirror.gap
	r.mu.Unlock()
	for _, l := range r.opened() {
		l.release(connection, gap)
	}
}

// hearAll notes that every event that was stored before a time came, unless the connection
// broke meanwhile.
func (r *Relay) hearAll(stored time.Time, connection uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.connection() == connection {
		r.mirror.heard = stored
	}
}

// replay tells the rooms, whenever presence was read again, of the events that were missed
// meanwhile, until ctx ends.
func (r *Relay) replay(ctx context.Context) {
	retry := time.NewTimer(leaseEvery)
	defer retry.Stop()
	for {
		select {
		case <-r.resynced:
		case <-retry.C:
		case <-ctx.Done():
			return
		}
		if !r.nc.IsConnected() {
			continue // follow comes here when it is back
		}
		if err := r.catchUp(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("missed events not read", "err", err)
			retry.Reset(leaseEvery)
		}
	}
}

// catchUp tells the rooms what they missed since the gap began, then what they held.
func (r *Relay) catchUp(ctx context.Context) error {
	connection := r.connection()
	r.mu.Lock()
	gap, generation := r.mirror.gap, r.mirror.generation
	r.mu.Unlock()
	links := r.opened()
	var err error
	if !gap.IsZero() {
		err = r.readMissed(ctx, links, gap)
	}
	for _, l := range links { // what is new does not wait for another attempt
		l.release(connection, gap)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.mirror.synced:
		if r.mirror.generation == generation {
			r.mirror.gap = time.Time{}
		}
	default: // the next gap has begun
	}
	return nil
}

// readMissed reads the events of all rooms from a time on the server's clock.
func (r *Relay) readMissed(ctx context.Context, links map[string]*link, from time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	subjects := make([]string, 0, len(links))
	for subject := range links {
		subjects = append(subjects, subject)
	}
	from = from.Add(-replayMargin)
	if oldest := time.UnixMilli(r.serverTime(time.Now().Add(-replayMost))); from.Before(oldest) {
		from = oldest
	}
	for some := range slices.Chunk(subjects, replayRooms) {
		err := r.readEvents(ctx, some, from, func(m jetstream.Msg, stored time.Time) {
			if l := links[m.Subject()]; l != nil {
				l.readEvent(m, stored, from)
			}
		})
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound): // nothing is kept
			return nil
		case err != nil:
			return fmt.Errorf("read events: %w", err)
		}
	}
	return nil
}

// readEvents calls tell for each event that the stream has now of some subjects.
func (r *Relay) readEvents(ctx context.Context, subjects []string, from time.Time, tell func(jetstream.Msg, time.Time)) error {
	c, err := r.js.CreateConsumer(ctx, EventStream, jetstream.ConsumerConfig{
		Description:       string(r.node),
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &from,
		FilterSubjects:    subjects,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: consumerKeep,
	})
	if err != nil {
		return err
	}
	for left := int(c.CachedInfo().NumPending); left > 0; {
		batch, err := c.Fetch(min(left, replayBatch), jetstream.FetchContext(ctx))
		if err != nil {
			return err
		}
		before := left
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			tell(m, meta.Timestamp)
			left--
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if left == before {
			return errors.New("fewer events than announced")
		}
	}
	return nil
}
