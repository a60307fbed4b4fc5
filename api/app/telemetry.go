package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"

	"parley/api/metrics"
	"parley/api/observe"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
)

// openTelemetry builds the engine of telemetry. What it takes in outlives a kill of the
// process in the data directory.
func (n *node) openTelemetry(ctx context.Context) (err error) {
	s := n.stores
	if s.archive, err = archive.Open(ctx, s.databaseURL); err != nil {
		return err
	}
	var all []telemetry.Catalogue
	for _, c := range catalogue.All() {
		all = append(all, c.ForEngine())
	}
	n.telemetry, err = telemetry.New(telemetry.Options{
		Store: s.archive, Catalogues: all, Log: n.Log.With("part", "telemetry"),
		SpillDir: filepath.Join(n.Config.Stores.DataDir, "telemetry"),
	})
	if err != nil {
		return fmt.Errorf("open telemetry: %w", err)
	}
	n.live = live.New(live.Options{Engine: n.telemetry, Archive: s.archive, Conn: s.conn, Log: n.Log.With("part", "live telemetry")})
	return nil
}

// keepTelemetry stores telemetry until ctx ends. What it cannot store then is stored when the
// next node starts in this directory, so it is no reason to fail.
func (n *node) keepTelemetry(ctx context.Context) error {
	storing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var store sync.WaitGroup
	store.Go(func() {
		if err := n.telemetry.Run(storing); err != nil {
			n.Log.Warn("telemetry is left for the next start", observe.KeyErr, err)
		}
	})
	err := n.calls.Run(ctx, n.hub) // the last events come when it ends
	stop()
	store.Wait()
	return err
}

// flushTelemetry waits until everything that happened in calls until now is on record.
func (n *node) flushTelemetry(ctx context.Context) error {
	if err := n.calls.Flush(ctx); err != nil {
		return err
	}
	return n.telemetry.Flush(ctx)
}

// server is how telemetry calls the node.
func (n *node) server() string { return cmp.Or(n.Config.Node.ServerID, string(n.id)) }

// openCalls prepares for what calls tell. The names of participants are the same on all
// nodes, because the secret is.
func (n *node) openCalls() {
	key := sha256.Sum256([]byte("names in telemetry " + n.secret))
	n.clients = metrics.NewClients(n.relay, cmp.Or(n.Config.Node.Instance, n.server()), n.Config.Node.Region)
	n.calls.Ingest, n.calls.Key, n.calls.Next = n.telemetry, key[:], n.clients
}
