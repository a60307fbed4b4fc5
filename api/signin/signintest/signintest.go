// Package signintest is an OpenID provider whose tokens tests write themselves. It signs
// nobody in: for that, tests have one that others wrote.
package signintest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"parley/api/signin"
	"parley/api/token"
)

// Provider has a key and says who people are.
type Provider struct {
	*httptest.Server
	t     testing.TB
	key   *rsa.PrivateKey
	Asked atomic.Int64 // times that somebody wanted its keys
}

// Client is the id that it knows an installation by.
const Client = "parley"

// New starts a provider until the test ends.
func New(t testing.TB) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.Asked.Add(1)
		p.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "one", Algorithm: "RS256", Use: "sig"}}})
	})
	// Who has a token of the provider may ask whose it is; the subject is the name.
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		var claims struct{ jwt.RegisteredClaims }
		raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p.answer(w, map[string]any{"sub": claims.Subject, "email": claims.Subject + "@example.org", "name": "Asked for " + claims.Subject})
	})
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{
			"issuer": p.URL, "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
			"authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *Provider) answer(w io.Writer, v any) {
	if w, ok := w.(http.ResponseWriter); ok {
		w.Header().Set("Content-Type", "application/json")
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

// Options are those of an installation that people enter with accounts of this provider.
func (p *Provider) Options(tokens *token.Authority) signin.Options {
	return signin.Options{
		Issuer: p.URL, ClientID: Client, RedirectURL: "http://127.0.0.1/login/callback",
		Tokens: tokens, SessionTTL: time.Hour, Secret: "a secret of sixteen bytes",
	}
}

// Token returns an ID token for Client about ada, which is good for an hour. Claims of change
// replace its own; nil takes one out.
func (p *Provider) Token(change map[string]any) string {
	p.t.Helper()
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": Client, "sub": "ada", "email": "ada@example.org", "name": "Ada Lovelace",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return p.Sign(claims, p.key)
}

// Sign returns claims signed with key under the name of the provider's.
func (p *Provider) Sign(claims jwt.MapClaims, key *rsa.PrivateKey) string {
	p.t.Helper()
	made := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	made.Header["kid"] = "one"
	raw, err := made.SignedString(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}
