package rest

import (
	"context"
	"net/http"

	"parley/api/fault"
	"parley/api/signin"
)

// SignIn lets people in with an account of a provider; [signin.SignIn] does.
type SignIn interface {
	Begin(http.ResponseWriter, *http.Request)
	Finish(http.ResponseWriter, *http.Request)
	// Public returns what a page may know of the provider. It may block until that answers.
	Public(context.Context) (signin.Public, error)
}

// providerResult is what newer clients want to know of the provider.
type providerResult struct {
	Enabled  bool    `json:"enabled"`
	AuthURL  string  `json:"auth_url"`
	ClientID string  `json:"client_id"`
	Scopes   string  `json:"scopes"`
	TokenURL string  `json:"token_url"`
	Issuer   *string `json:"issuer"`
}

func (a *API) providerConfig(r request, _ nothing) (providerResult, error) {
	if a.SignIn == nil {
		return providerResult{}, nil
	}
	p, err := a.SignIn.Public(r.Context())
	if err != nil {
		return providerResult{}, fault.Wrap(err, fault.Unavailable, "The provider that people sign in with does not answer. Try again later.")
	}
	result := providerResult{Enabled: true, AuthURL: p.AuthURL, ClientID: p.ClientID, Scopes: p.Scopes, TokenURL: p.TokenURL}
	if p.Issuer != "" {
		result.Issuer = &p.Issuer
	}
	return result, nil
}
