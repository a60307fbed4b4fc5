package app

import (
	"context"
	"fmt"
	"path/filepath"

	"parley/api/observe"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
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
	return nil
}

// keepTelemetry stores telemetry until ctx ends. What it cannot store then is stored when the
// next node starts in this directory, so it is no reason to fail.
func (n *node) keepTelemetry(ctx context.Context) error {
	if err := n.telemetry.Run(ctx); err != nil {
		n.Log.Warn("telemetry is left for the next start", observe.KeyErr, err)
	}
	return nil
}
