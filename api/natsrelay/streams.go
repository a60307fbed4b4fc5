package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// MediaStream captures every packet in memory.
	MediaStream = "PARLEY_MEDIA"
	// EventStream keeps the log of meeting events of each room on disk, under EventPrefix and
	// the name of the room.
	EventStream = "PARLEY_EVENTS"
	EventPrefix = "parley.event."
	// PresenceBucket is the key-value bucket of members and leases.
	PresenceBucket = "parley_presence"

	// mediaKeep and mediaBytes bound what a node that lost its connection could replay: no
	// longer than people would want to watch a burst, and a fraction of the server's memory.
	mediaKeep  = 5 * time.Second
	mediaBytes = 256 << 20

	// eventKeep, eventBytes and eventsOfRoom bound the logs.
	eventKeep    = 24 * time.Hour
	eventBytes   = 256 << 20
	eventsOfRoom = 2_000

	// repeatMost is how long an event is recognised that is appended again.
	repeatMost = 10 * time.Minute

	// toldPrefix is where an event is published again once it is in the log.
	toldPrefix = "parley.told."

	presenceStream = "KV_" + PresenceBucket
	presencePrefix = "$KV." + PresenceBucket + "."
	// presenceBytes is room for some hundred thousand members.
	presenceBytes = 256 << 20

	systemToken  = "system"
	flushSubject = "parley.flush"
	helloSubject = "parley.hello"
	actSubject   = "parley.act"
)

// layout is what this package wants of a stream.
type layout struct {
	name string
	set  func(*jetstream.StreamConfig)
}

// layouts returns everything that this package stores. Every node sees to it, to the same
// effect.
func (r *Relay) layouts() []layout {
	return []layout{{MediaStream, func(c *jetstream.StreamConfig) {
		c.Description = "packets of all rooms, for some seconds"
		c.Subjects = []string{"room.*.*", flushSubject}
		c.Storage = jetstream.MemoryStorage
		c.Discard = jetstream.DiscardOld
		c.MaxAge = max(mediaKeep, r.maxAge)
		c.Duplicates = c.MaxAge
		c.MaxBytes = mediaBytes
		c.Replicas = r.replicas
		c.AllowDirect = true
		c.RePublish = nil
	}}, {EventStream, func(c *jetstream.StreamConfig) {
		c.Description = "logs of the meeting events of all rooms"
		c.Subjects = []string{EventPrefix + "*"}
		c.Storage = jetstream.FileStorage
		c.Discard = jetstream.DiscardOld
		c.MaxAge = eventKeep
		c.MaxBytes = eventBytes
		c.MaxMsgsPerSubject = eventsOfRoom
		c.Duplicates = repeatMost
		c.RePublish = &jetstream.RePublish{Source: EventPrefix + "*", Destination: toldPrefix + "{{wildcard(1)}}"}
		c.Replicas = r.replicas
		c.AllowDirect = false // what is asked for the end of a log must know it
	}}, {presenceStream, func(c *jetstream.StreamConfig) {
		// Laid out as a key-value bucket, so that its tools can read it; made by hand because
		// the markers of removed keys must expire, which a bucket allows for purges only.
		c.Description = "who is in which room on which node"
		c.Subjects = []string{presencePrefix + ">"}
		c.Storage = jetstream.MemoryStorage
		c.Discard = jetstream.DiscardNew
		c.MaxMsgsPerSubject = 1
		c.MaxBytes = presenceBytes
		c.Replicas = r.replicas
		c.AllowRollup = true
		c.AllowDirect = true
		c.AllowMsgTTL = true
		c.DenyDelete = true
	}}}
}

// prepare creates the streams that are missing and updates those that are different.
func (r *Relay) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	for _, l := range r.layouts() {
		if err := r.ensure(ctx, l); err != nil {
			return fmt.Errorf("prepare stream %s: %w", l.name, err)
		}
	}
	return nil
}

// ensure creates or updates one stream.
func (r *Relay) ensure(ctx context.Context, l layout) error {
	for {
		s, err := r.js.Stream(ctx, l.name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			cfg := jetstream.StreamConfig{Name: l.name}
			l.set(&cfg)
			_, err = r.js.CreateStream(ctx, cfg)
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				continue // another node was faster
			}
			return err
		}
		if err != nil {
			return err
		}
		cfg := s.CachedInfo().Config
		l.set(&cfg)
		if reflect.DeepEqual(cfg, s.CachedInfo().Config) {
			return nil
		}
		if _, err := r.js.UpdateStream(ctx, cfg); err != nil {
			// A newer or older parley may have made it in a way that cannot be changed.
			r.log.Warn("stream kept as it is", "stream", l.name, "err", err)
		}
		return nil
	}
}
