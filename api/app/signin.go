package app

import (
	"strings"

	"parley/api/rest"
	"parley/api/signin"
)

// signIn returns the way in with an account of a provider, nil when none is configured.
func (n *node) signIn() (rest.SignIn, error) {
	o := n.Config.OAuth
	if o.ClientID == "" {
		return nil, nil
	}
	return signin.New(signin.Options{
		Issuer: o.Issuer, AuthURL: o.AuthURL, TokenURL: o.TokenURL, JWKSURL: o.JWKSURL, UserInfoURL: o.UserInfoURL,
		ClientID: o.ClientID, ClientSecret: o.Secret, Audience: o.Audience, RedirectURL: o.RedirectURL, Scopes: strings.Fields(o.Scopes),
		AfterLogin: o.AfterLogin, Allowed: o.AllowedRedirects,
		Tokens: n.tokens, SessionTTL: n.Config.Access.SessionTTL, Cookie: n.cookie(), Secret: n.secret,
		Users: n.stores.store, Log: n.Log,
	})
}
