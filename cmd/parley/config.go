package main

import (
	"parley/api/config"
)

type configCommand struct {
	Show configShow `cmd:"" default:"withargs" help:"Show the effective configuration, secrets redacted."`
	Doc  configDoc  `cmd:"" help:"Write the reference of all settings as Markdown."`
}

type configShow struct {
	config.Common
	JSON bool   `name:"json" help:"Write JSON."`
	Mode string `name:"mode" enum:"dev,serve" default:"dev" help:"Show what this command would run with: dev or serve."`
}

// Run shows the settings even when they have mistakes, and reports those afterwards.
func (c *configShow) Run(w *world) error {
	err := w.source.Settle(&c.Common, config.Mode(c.Mode))
	settings := w.source.Redacted(&c.Common)
	if c.JSON {
		if err := writeJSON(w.stdout, settings); err != nil {
			return err
		}
	} else if err := config.WriteSettings(w.stdout, settings); err != nil {
		return err
	}
	if err != nil {
		return misconfigured{err}
	}
	return nil
}

type configDoc struct{}

func (configDoc) Run(w *world) error { return config.WriteReference(w.stdout) }
