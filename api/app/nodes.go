package app

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"parley/api/config"
	"parley/api/jip3"
)

// openNodes prepares for nodes that speak JIP-3, if there is to be an address for them.
func (n *node) openNodes() {
	c := n.Config.JIP3
	if c.Addr == "" {
		return
	}
	n.jip3 = jip3.New(jip3.Options{
		Ingest: n.telemetry, Log: n.Log.With("part", "jip3"),
		Allow: c.Networks(), Nodes: c.Nodes, PerAddress: c.PerAddress, Rate: jip3.Rate{Events: c.Rate},
	})
}

// listenNodes opens the address for nodes, if there is to be one. In dev it is a free one
// when the usual one is taken, so that several nodes fit on one machine.
func (f *front) listenNodes() (err error) {
	n := f.node
	if n.jip3 == nil {
		return nil
	}
	addr := n.Config.JIP3.Addr
	f.nodes, err = net.Listen("tcp", addr)
	if n.Mode == config.Dev && addr == config.DevTelemetry && errors.Is(err, syscall.EADDRINUSE) {
		f.nodes, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("listen for telemetry: %w", err)
	}
	return nil
}

// showNodes says who sends telemetry, and what of it nobody understands.
func (n *node) showNodes() any {
	if n.jip3 == nil {
		return nil
	}
	return map[string]any{"connected": n.jip3.Connected(), "unreadable": n.jip3.Unreadable()}
}
