package natsrelay

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// MediaStream captures every packet in memory.
	MediaStream = "PARLEY_MEDIA"
	// EventStream keeps meeting events on disk.
	EventStream = "PARLEY_EVENTS"
	// PresenceBucket is the key-value bucket of members and leases.
	PresenceBucket = "parley_presence"

	// mediaKeep and mediaBytes bound what a node that lost its connection could replay: no
	// longer than people would want to watch a burst, and a fraction of the server's memory.
	mediaKeep  = 5 * time.Second
	mediaBytes = 256 << 20

	// eventKeep and eventBytes bound the record of meeting events.
	eventKeep  = 24 * time.Hour
	eventBytes = 256 << 20

	presenceStream = "KV_" + PresenceBucket
	presencePrefix = "$KV." + PresenceBucket + "."
	// presenceBytes is room for some hundred thousand members.
	presenceBytes = 256 << 20

	systemToken  = "system"
	flushSubject = "parley.flush"
	helloSubject = "parley.hello"
)

// streams returns the configuration of everything that this package stores. Every node
// creates or updates it, to the same effect.
func streams(maxAge time.Duration, replicas int) []jetstream.StreamConfig {
	keep := max(mediaKeep, maxAge)
	return []jetstream.StreamConfig{{
		Name:        MediaStream,
		Description: "packets of all rooms, for some seconds",
		Subjects:    []string{"room.*.*", flushSubject},
		Storage:     jetstream.MemoryStorage,
		Discard:     jetstream.DiscardOld,
		MaxAge:      keep,
		Duplicates:  keep,
		MaxBytes:    mediaBytes,
		Replicas:    replicas,
		AllowDirect: true,
	}, {
		Name:        EventStream,
		Description: "meeting events of all rooms",
		Sources:     []*jetstream.StreamSource{{Name: MediaStream, FilterSubject: "room.*." + systemToken}},
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		MaxAge:      eventKeep,
		MaxBytes:    eventBytes,
		Replicas:    replicas,
		AllowDirect: true,
	}, {
		// Laid out as a key-value bucket, so that its tools can read it; made by hand because
		// the markers of removed keys must expire, which a bucket allows for purges only.
		Name:              presenceStream,
		Description:       "who is in which room on which node",
		Subjects:          []string{presencePrefix + ">"},
		Storage:           jetstream.MemoryStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgsPerSubject: 1,
		MaxBytes:          presenceBytes,
		Replicas:          replicas,
		AllowRollup:       true,
		AllowDirect:       true,
		AllowMsgTTL:       true,
		DenyDelete:        true,
	}}
}

// prepare creates the streams that are missing and updates the others.
func (r *Relay) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	for _, cfg := range streams(r.maxAge, r.replicas) {
		_, err := r.js.CreateOrUpdateStream(ctx, cfg)
		if err == nil {
			continue
		}
		// A newer or older parley may have made it in a way that cannot be changed.
		if _, missing := r.js.Stream(ctx, cfg.Name); missing != nil {
			return fmt.Errorf("create stream %s: %w", cfg.Name, err)
		}
		r.log.Warn("stream kept as it is", "stream", cfg.Name, "err", err)
	}
	return nil
}
