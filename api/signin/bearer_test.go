package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"parley/api/fault"
	"parley/api/signin"
	"parley/api/signin/signintest"
	"parley/api/token"
)

// code signs somebody in at the provider as a client does that keeps the verifier itself, and
// returns what comes back.
func (s *site) code(t *testing.T, in *signin.SignIn, name, verifier, nonce string) string {
	t.Helper()
	public, err := in.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := url.Values{
		"client_id": {public.ClientID}, "redirect_uri": {s.url + "/login/callback"}, "response_type": {"code"}, "scope": {public.Scopes},
		"state": {"mine"}, "nonce": {nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	b := s.browser()
	form := b.get(public.AuthURL + "?" + ask.Encode())
	var back *url.URL
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/login/callback" {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	if end := b.login(form, name); back == nil {
		t.Fatalf("%d at %s: %s", end.status, end.url, end.body)
	}
	return back.Query().Get("code")
}

func TestClientsThatSignInByThemselves(t *testing.T) {
	s := newSite(t)
	in := s.node()
	const verifier = "a verifier that the client has made for itself, once"
	got, err := in.Exchange(t.Context(), s.code(t, in, "ada", verifier, "mine"), verifier, "mine")
	if err != nil || got.User != "ada@example.org" || got.Name != "ada Lovelace" || got.AccessToken == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	// Its ID tokens are ours, but name nobody; that is left to those who may ask.
	if by, err := in.Bearer(t.Context(), got.IDToken); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("ID token: %+v, %v", by, err)
	}
	// The access tokens of this provider say nothing: nobody can tell whom they are for.
	if _, err := in.Bearer(t.Context(), got.AccessToken); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("access token: %v", err)
	}
	for what, try := range map[string]struct{ verifier, nonce string }{
		"another verifier": {strings.Repeat("x", 43), "mine"},
		"another nonce":    {verifier, "theirs"},
	} {
		if got, err := in.Exchange(t.Context(), s.code(t, in, "ada", verifier, "mine"), try.verifier, try.nonce); err == nil || got.IDToken != "" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	code := s.code(t, in, "ada", verifier, "")
	if _, err := in.Exchange(t.Context(), code, verifier, ""); err != nil {
		t.Errorf("without a nonce: %v", err)
	}
	if _, err := in.Exchange(t.Context(), code, verifier, ""); err == nil {
		t.Error("a code is good twice")
	}
}

func TestBearerTokens(t *testing.T) {
	p := signintest.New(t)
	tokens := token.New(secret)
	o := p.Options(tokens)
	o.Audience = "https://calls.example.org"
	in, err := signin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := p.Token(nil)
	part := strings.Split(good, ".")
	ours, err := tokens.MintSession(token.Session{User: "ada", Name: "Ada"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Minute).Unix()
	for _, c := range []struct {
		what, raw string
		code      fault.Code
		user      string
	}{
		{what: "an ID token", raw: good, user: "ada@example.org"},
		{what: "one for us among others", raw: p.Token(map[string]any{"aud": []string{"other", signintest.Client}}), user: "ada@example.org"},
		{what: "an access token for us", raw: p.Token(map[string]any{"aud": o.Audience}), user: "ada@example.org"},
		{what: "one that names nobody", raw: p.Token(map[string]any{"aud": o.Audience, "email": nil, "sub": "bob"}), user: "bob@example.org"},
		{what: "an ID token that names nobody", raw: p.Token(map[string]any{"email": nil}), code: fault.Forbidden},
		{what: "one that makes an admin", raw: p.Token(map[string]any{"admin": true}), user: "ada@example.org"},
		{what: "an address that nobody has checked", raw: p.Token(map[string]any{"email_verified": false}), code: fault.Forbidden},
		{what: "one that has expired", raw: p.Token(map[string]any{"exp": past}), code: fault.Expired},
		{what: "one for others", raw: p.Token(map[string]any{"aud": "other"}), code: fault.Invalid},
		{what: "one for nobody", raw: p.Token(map[string]any{"aud": nil}), code: fault.Invalid},
		{what: "one of another provider", raw: p.Token(map[string]any{"iss": "https://id.example.org"}), code: fault.Invalid},
		{what: "a key of somebody else", raw: p.Sign(jwt.MapClaims{"iss": p.URL, "aud": signintest.Client, "sub": "ada", "email": "ada@example.org", "exp": time.Now().Add(time.Hour).Unix()}, stranger), code: fault.Invalid},
		{what: "no signature", raw: base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + part[1] + ".", code: fault.Invalid},
		{what: "another signature", raw: part[0] + "." + part[1] + "." + strings.Split(p.Token(map[string]any{"sub": "eve"}), ".")[2], code: fault.Invalid},
		{what: "one of ours", raw: ours, code: fault.Invalid},
		{what: "no token", raw: "x", code: fault.Invalid},
		{what: "far too long", raw: strings.Repeat("x", 1<<20), code: fault.Invalid},
	} {
		t.Run(c.what, func(t *testing.T) {
			for range 2 {
				by, err := in.Bearer(t.Context(), c.raw)
				if by.User != c.user || by.Admin || c.user != "" && (by.ID != token.Fingerprint(c.raw) || time.Until(by.Expires) <= 0) || (c.user == "") == (err == nil) || err != nil && fault.CodeOf(err) != c.code {
					t.Errorf("%+v, %v", by, err)
				}
			}
		})
	}
	// Many tokens that no key fits were shown, and the provider was asked for its keys once for
	// either audience.
	if n := p.Asked.Load(); n > 2 {
		t.Errorf("the provider was asked for its keys %d times", n)
	}
}

func TestAccessTokensOfNobodyInParticular(t *testing.T) {
	p := signintest.New(t)
	in, err := signin.New(p.Options(token.New(secret)))
	if err != nil {
		t.Fatal(err)
	}
	if by, err := in.Bearer(t.Context(), p.Token(map[string]any{"aud": "https://calls.example.org"})); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("%+v, %v", by, err)
	}
}

func TestBearerWithoutTheProvider(t *testing.T) {
	p := signintest.New(t)
	raw := p.Token(nil)
	in, err := signin.New(p.Options(token.New(secret)))
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if by, err := in.Bearer(t.Context(), raw); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%+v, %v", by, err)
	}
}
