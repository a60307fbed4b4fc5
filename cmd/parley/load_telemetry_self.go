package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"parley/api/embedded"
	"parley/api/load"
	"parley/api/load/telemetry"
)

// selfServed is a server of the run's own. Its database is a process beside it when that is
// to be stopped, else the node's.
type selfServed struct {
	*load.Node
	cluster  string // directory of the database, "" when it is the node's
	database *embedded.Postgres
	log      *slog.Logger
}

// start starts a server and has the plan use it, look at it, and do to it what the command
// line says.
func (c *loadTelemetryCommand) start(w *world, plan *telemetry.Plan) (_ *selfServed, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &selfServed{log: slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	env := []string{"PARLEY_TELEMETRY_ADDR=127.0.0.1:0"}
	if c.Outage > 0 {
		if s.cluster, err = os.MkdirTemp("", "parley-load-database-"); err != nil {
			return s, err
		}
		if err := os.Chmod(s.cluster, 0o711); err != nil { // the server is another user
			return s, err
		}
		if err := s.startDatabase(w.ctx); err != nil {
			return s, err
		}
		env = append(env, "DATABASE_URL="+s.database.URL())
		plan.Faults = append(plan.Faults, telemetry.Fault{Name: "the database is stopped", At: c.OutageAt, Do: func(ctx context.Context) error {
			return s.outage(ctx, c.Outage)
		}})
	}
	if s.Node, err = load.StartNode(w.ctx, program, env, w.stderr); err != nil {
		return s, err
	}
	at := s.Watch()
	plan.Addr, plan.Watch = s.Telemetry, &telemetry.Watch{PID: at.PIDs[0], Metrics: at.Metrics, Debug: s.Debug}
	if c.Kill {
		plan.Watch = nil // it is not one process
		plan.Faults = append(plan.Faults, telemetry.Fault{Name: "the node is killed", At: c.KillAt, Do: func(ctx context.Context) error {
			return s.KillAndStart(context.WithoutCancel(ctx))
		}})
	}
	return s, nil
}

func (s *selfServed) startDatabase(ctx context.Context) (err error) {
	s.database, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: s.cluster, Log: s.log})
	return err
}

// outage stops the database for a while, until ctx ends at most.
func (s *selfServed) outage(ctx context.Context, d time.Duration) error {
	before := s.database.URL()
	began := time.Now()
	if err := s.database.Close(); err != nil {
		return err
	}
	s.database = nil
	rest := time.NewTimer(d - time.Since(began))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done(): // and what was stored is asked for nonetheless
	}
	if err := s.startDatabase(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if s.database.URL() != before {
		return errors.New("the port of the database was taken meanwhile")
	}
	return nil
}

// stop stops everything and removes what it left.
func (s *selfServed) stop() (err error) {
	if s.Node != nil {
		err = s.Node.Stop()
	}
	if s.database != nil {
		err = errors.Join(err, s.database.Close())
	}
	if s.cluster != "" {
		err = errors.Join(err, os.RemoveAll(s.cluster))
	}
	return err
}
