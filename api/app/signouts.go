package app

import (
	"parley/api/postgres"
	"parley/api/rest"
	"parley/api/signout"
	"parley/api/token"
)

var (
	_ signout.Store = (*postgres.Store)(nil)
	_ rest.SignOuts = (*signout.List)(nil)
)

// openSignOuts makes the list of sessions that were ended, and ends connections with them.
func (n *node) openSignOuts() {
	n.signOuts = signout.New(signout.Options{
		Store: n.stores.store, Conn: n.stores.conn, Log: n.Log.With("part", "signouts"),
		Keep:  max(n.Config.Access.TokenTTL, token.ObserverTTL) + token.Leeway,
		Ended: func(sessions []string) { n.hub.SignOut(sessions) },
	})
}
