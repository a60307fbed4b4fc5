package main

import (
	"fmt"
	"io"
	"strings"

	"parley/api/app"
	"parley/api/config"
	"parley/api/memory"
	"parley/api/observe"
)

type devCommand struct {
	config.Common
}

// Run starts a node for development. Meetings are recorded, the open path endpoints work as
// well, and whoever has the link gets in, unless the operator says otherwise; who says what to
// do about meeting management has the path endpoints as that says.
func (d *devCommand) Run(w *world) error {
	said := func(flag string) bool {
		_, ok := d.Node.Features[flag]
		return ok || w.getenv("FEATURE_"+strings.ToUpper(flag)) != ""
	}
	unless := func(flag, value string) {
		if said(flag) {
			return
		}
		if d.Node.Features == nil {
			d.Node.Features = make(map[string]string)
		}
		d.Node.Features[flag] = value
	}
	if !said("meeting_management") {
		unless("path_endpoints", "on")
	}
	unless("meeting_management", "true")
	unless("waiting_room_default", "false")
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
	defer memory.Adapt(w.getenv)()
	return app.Run(w.ctx, app.Options{
		Config: c, Mode: mode, Flags: reg, Log: log, Settings: w.source.Redacted(c),
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
	if r.Debug != "" {
		fmt.Fprintf(out, "  Look in  %s\n", r.Debug)
	}
	fmt.Fprint(out, "  Stop     Ctrl-C\n\n")
}
