package app

import (
	"parley/api/config"
	"parley/api/flags"
	"parley/api/observe"
	"parley/api/rest"
	"parley/api/tart"
)

// tart is what programs made for TART may ask, in dev without signing in.
func (n *node) tart() rest.TART {
	t := tart.New(tart.Options{
		Engine: n.telemetry, Archive: n.stores.archive, Live: n.live, Nodes: n.jip3, Log: n.Log.With("part", "tart"),
		Version: observe.ReadBuild().Version, Origins: rest.OriginHosts(n.Config.Listen.CORSAllowedOrigin),
	})
	return rest.TART{Routes: t.Routes(), Access: n.tartAccess}
}

// tartAccess is who may use them.
func (n *node) tartAccess() rest.Access {
	dev := n.Mode == config.Dev
	on := dev
	switch flags.TartRoutes.Get(n.Flags) {
	case "on":
		on = true
	case "off":
		on = false
	}
	return rest.Access{On: on, Open: dev}
}
