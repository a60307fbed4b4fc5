package rest

import (
	"context"
	"net/http"
	"net/url"

	"parley/api/fault"
	"parley/api/management"
	"parley/api/observe"
	"parley/api/signin"
	"parley/api/token"
)

// SignIn lets people in with an account of a provider; [signin.SignIn] does.
type SignIn interface {
	Begin(http.ResponseWriter, *http.Request)
	Finish(http.ResponseWriter, *http.Request)
	// Public returns what a page may know of the provider. It may block until that answers.
	Public(context.Context) (signin.Public, error)
	// Bearer returns whose token of the provider one is; [signin.SignIn.Bearer] has its errors.
	Bearer(ctx context.Context, raw string) (token.Session, error)
	// Exchange trades a code of the provider for who signed in.
	Exchange(ctx context.Context, code, verifier, nonce string) (signin.Exchanged, error)
	// Register records that somebody signed in. It blocks for one statement.
	Register(ctx context.Context, user, name string)
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

// exchangeBody is what the provider gave a client that began by itself.
type exchangeBody struct {
	Code     string `json:"code" required:"true"`
	Verifier string `json:"code_verifier" required:"true" doc:"Of PKCE. Browsers that began at /login end at /login/callback instead."`
	Nonce    string `json:"nonce,omitempty" doc:"That which the ID token has to have."`
}

// exchangeResult is who signed in, and by what others will know it.
type exchangeResult struct {
	User        string  `json:"user_id"`
	Name        string  `json:"display_name"`
	IDToken     string  `json:"id_token" doc:"A bearer token for everything here, until it expires."`
	AccessToken string  `json:"access_token"`
	ReturnTo    *string `json:"return_to" doc:"Always null: the client knows where it was."`
}

func (a *API) exchange(r request, in exchangeBody) (exchangeResult, error) {
	for field, value := range map[string]string{"code": in.Code, "code_verifier": in.Verifier} {
		if value == "" {
			return exchangeResult{}, &problem{status: statusFor(management.InvalidInput), code: string(management.InvalidInput), message: field + " is missing", field: field}
		}
	}
	got, err := a.SignIn.Exchange(r.Context(), in.Code, in.Verifier, in.Nonce)
	if err != nil {
		a.Log.InfoContext(r.Context(), "a code was not exchanged", observe.KeyErr, err)
		p := unauthorized("the provider does not take this code with this verifier, or the nonce is another")
		p.message = "Signing in did not succeed. Begin anew."
		return exchangeResult{}, p
	}
	a.SignIn.Register(r.Context(), got.User, got.Name)
	return exchangeResult{User: got.User, Name: got.Name, IDToken: got.IDToken, AccessToken: got.AccessToken}, nil
}

func (a *API) register(r request, _ nothing) (profileResult, error) {
	a.SignIn.Register(r.Context(), r.by.User, r.by.Name)
	return profileResult{r.by.User, r.by.Name, r.by.Admin}, nil
}

// signedOutElsewhere answers the frame that a provider opens in browsers of people who signed
// out there (OpenID Connect Front-Channel Logout 1.0).
func (a *API) signedOutElsewhere(w http.ResponseWriter, r *http.Request) {
	p, err := a.SignIn.Public(r.Context())
	if err != nil {
		a.fail(w, r, fault.Wrap(err, fault.Unavailable, "The provider that people sign in with does not answer. Try again later."))
		return
	}
	issuer, err := url.Parse(p.Issuer)
	if iss := r.URL.Query().Get("iss"); err != nil || p.Issuer == "" || iss != p.Issuer {
		a.fail(w, r, &problem{
			status: statusFor(management.InvalidInput), code: string(management.InvalidInput), field: "iss",
			message: "iss has to be the issuer of the provider that people sign in with here",
		})
		return
	}
	a.Cookie.Clear(w)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+issuer.Scheme+"://"+issuer.Host)
	w.WriteHeader(http.StatusOK)
}
