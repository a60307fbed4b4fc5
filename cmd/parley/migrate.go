package main

import (
	"context"
	"fmt"
	"log/slog"
	"text/tabwriter"

	"parley/api/app"
	"parley/api/config"
	"parley/api/observe"
	"parley/api/postgres"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply every migration that is missing."`
	Down   migrateDown   `cmd:"" help:"Take the newest migration back."`
	Status migrateStatus `cmd:"" help:"List the migrations and whether they are applied."`
}

// database is where the schema lives: DATABASE_URL, or the cluster of a data directory that
// no node is using.
type database struct {
	Stores config.Stores `embed:""`
}

// with calls do with the URL of the database, as one of package app's functions finds it.
func (d *database) with(w *world, find finder, do func(ctx context.Context, url string) error) error {
	log := observe.NewLogger(w.stderr, slog.LevelWarn, observe.FormatText)
	if err := w.source.SettleStores(&d.Stores); err != nil {
		return misconfigured{err}
	}
	return find(w.ctx, d.Stores, log, do)
}

// finder is app.WithDatabase or app.ReachDatabase.
type finder func(context.Context, config.Stores, *slog.Logger, func(context.Context, string) error) error

type migrateUp struct{ database }

func (m *migrateUp) Run(w *world) error {
	return m.with(w, app.WithDatabase, func(ctx context.Context, url string) error {
		if err := postgres.Migrate(ctx, url); err != nil {
			return err
		}
		return printMigrations(ctx, w, url, false)
	})
}

type migrateDown struct{ database }

func (m *migrateDown) Run(w *world) error {
	return m.with(w, app.WithDatabase, func(ctx context.Context, url string) error {
		if err := postgres.Rollback(ctx, url); err != nil {
			return err
		}
		return printMigrations(ctx, w, url, false)
	})
}

type migrateStatus struct {
	database
	JSON bool `name:"json" help:"Write JSON."`
}

func (m *migrateStatus) Run(w *world) error {
	return m.with(w, app.WithDatabase, func(ctx context.Context, url string) error {
		return printMigrations(ctx, w, url, m.JSON)
	})
}

func printMigrations(ctx context.Context, w *world, url string, asJSON bool) error {
	all, err := postgres.Status(ctx, url)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.stdout, all)
	}
	table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	for _, m := range all {
		mark := "missing"
		if m.Applied {
			mark = "applied"
		}
		fmt.Fprintf(table, "%s\t%s\n", mark, m.Name)
	}
	return table.Flush()
}
