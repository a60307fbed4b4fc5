package main

import (
	"fmt"
	"io"

	"parley/api/app"
	"parley/api/config"
	"parley/api/observe"
)

type devCommand struct {
	config.Common
}

// Run starts a node for development. Meetings are recorded and the open path endpoints
// work as well, unless the operator says what to do about meeting management.
func (d *devCommand) Run(w *world) error {
	const flag = "meeting_management"
	if _, ok := d.Node.Features[flag]; !ok && w.getenv("FEATURE_MEETING_MANAGEMENT") == "" {
		if d.Node.Features == nil {
			d.Node.Features = make(map[string]string)
		}
		d.Node.Features[flag] = "true"
		if _, ok := d.Node.Features["path_endpoints"]; !ok && w.getenv("FEATURE_PATH_ENDPOINTS") == "" {
			d.Node.Features["path_endpoints"] = "on"
		}
	}
	return runNode(w, &d.Common, config.Dev)
}

type serveCommand struct {
	config.Common
}

func (s *serveCommand) Run(w *world) error { return runNode(w, &s.Common, config.Serve) }

func runNode(w *world, c *config.Common, mode config.Mode) error {
	if err := w.source.Settle(c, mode); err != nil {
		return misconfigured{err}
	}
	level, _ := observe.ParseLevel(c.Log.Level) // Settle has checked it
	log := observe.NewLogger(w.stderr, level, observe.Format(c.Log.Format))
	reg, err := w.source.Flags(c, log)
	if err != nil {
		return misconfigured{err}
	}
	return app.Run(w.ctx, app.Options{
		Config: c, Mode: mode, Flags: reg, Log: log,
		Ready: func(r config.Ready) { welcome(w.stdout, r, mode) },
	})
}

// welcome tells a person what to open. The sign-in of the admin is for a terminal alone: what
// is not read there is kept somewhere, and the ready file has it as well.
func welcome(out io.Writer, r config.Ready, mode config.Mode) {
	if mode != config.Dev {
		fmt.Fprintf(out, "parley: node %s serves %s and %s\n", r.NodeID, r.HTTP, r.WebTransport)
		return
	}
	fmt.Fprintf(out, "\n  Parley is ready.\n\n  Open     %s\n", r.HTTP)
	if r.AdminToken != "" && observe.IsTerminal(out) {
		fmt.Fprintf(out, "  Admin    %s/admin#token=%s\n", r.HTTP, r.AdminToken) // no server sees what follows #
	}
	fmt.Fprint(out, "  Stop     Ctrl-C\n\n")
}
