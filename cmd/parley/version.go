package main

import (
	"encoding/json"
	"fmt"
	"io"

	"parley/api/observe"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Write JSON."`
}

func (v versionCommand) Run(w *world) error {
	b := observe.ReadBuild()
	if v.JSON {
		return writeJSON(w.stdout, b)
	}
	_, err := fmt.Fprintf(w.stdout, "parley %s (%s, %s)\n", b.Version, b.GitSHA, b.BuildTimestamp)
	return err
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
