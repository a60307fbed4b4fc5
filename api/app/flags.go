package app

import (
	"context"

	"parley/api/config"
	"parley/api/flagfeed"
	"parley/api/observe"
	"parley/api/postgres"
	"parley/api/rest"
	"parley/api/token"
)

var _ flagfeed.Store = (*postgres.Store)(nil)

// openFlags reads what admins set. Without a database for the moment the node starts with its
// environment, and learns of the rest while it runs.
func (n *node) openFlags(ctx context.Context) {
	n.feed = flagfeed.New(flagfeed.Options{
		Store: n.stores.store, Registry: n.Flags, Conn: n.stores.conn, Log: n.Log.With("part", "flags"),
	})
	if err := n.feed.Load(ctx); err != nil {
		n.Log.Warn("flags that admins set are not read yet", observe.KeyErr, err)
	}
}

// admin is what the REST API lets admins do.
func (n *node) admin() rest.Admin {
	return rest.Admin{
		Users: n.Config.Access.Admins, Registry: n.Flags, Flags: n.feed, Members: n.relay.Members,
		Meetings: n.management, Rooms: reach{n},
	}
}

// adminToken returns a sign-in as admin for whoever started a node in dev mode without saying
// who its admins are, "" otherwise. Being called something proves nothing there, for anybody
// may sign in with any name. The token goes where the secret is that signs it: to the owner of
// the data directory.
func (n *node) adminToken() string {
	access := n.Config.Access
	if n.Mode != config.Dev || len(access.Admins) > 0 {
		return ""
	}
	raw, err := n.tokens.MintSession(token.Session{User: "admin", Name: "Admin", Admin: true}, access.SessionTTL)
	if err != nil {
		n.Log.Error("sign in the admin", observe.KeyErr, err)
	}
	return raw
}
