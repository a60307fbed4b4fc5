package rest

import (
	"net/http"
	"testing"
	"time"

	"parley/api/signin"
	"parley/api/signin/signintest"
	"parley/api/token"
)

// withProvider is an API that people enter with accounts of p.
func withProvider(t *testing.T, p *signintest.Provider) *API {
	t.Helper()
	w := newWorld(t)
	tokens := token.New(secret)
	o := p.Options(tokens)
	o.Log = w.api.Log
	in, err := signin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return newAPI(t, func(o *Options) { o.SignIn, o.SignOuts, o.Meetings = in, w.api.SignOuts, w.api.Meetings })
}

func TestTokensOfTheProviderAreSessions(t *testing.T) {
	p := signintest.New(t)
	a := withProvider(t, p)
	raw := p.Token(nil)
	auth := []string{"Authorization", "Bearer " + raw}
	wantEmpty(t, call(a, "GET", "/session", "", auth...), 200)
	for _, r := range []struct{ method, path string }{{"GET", "/profile"}, {"POST", "/api/v1/user/register"}} {
		_, got := decode(t, call(a, r.method, r.path, "", auth...))
		if got["user_id"] != "ada@example.org" || got["name"] != "Ada Lovelace" || got["is_admin"] != nil {
			t.Errorf("%s: %v", r.path, got)
		}
	}
	// What comes of it dies with it: the room token names the session.
	success, joined := decode(t, call(a, "POST", meetings+"/"+newID()+"/join", "{}", append(auth, "Content-Type", asJSON)...))
	room, ok := joined["room_token"].(string)
	if !success || !ok {
		t.Fatalf("%v", joined)
	}
	if by, err := token.New(secret).CheckRoom(room); err != nil || by.User != "ada@example.org" || by.Session != token.Fingerprint(raw) {
		t.Errorf("%+v, %v", by, err)
	}
	wantEmpty(t, call(a, "GET", "/logout", "", auth...), 200)
	result := wantProblem(t, call(a, "GET", "/profile", "", auth...), 401, "UNAUTHORIZED")
	if result["engineering_error"] != "the session was ended by signing out" {
		t.Errorf("%v", result)
	}
	wantEmpty(t, call(a, "GET", "/session", "", "Authorization", "Bearer "+p.Token(map[string]any{"nonce": "later"})), 200)
}

func TestTokensOfTheProviderThatProveNothing(t *testing.T) {
	p := signintest.New(t)
	a := withProvider(t, p)
	for what, c := range map[string]struct {
		raw    string
		status int
		code   string
	}{
		"for others":        {p.Token(map[string]any{"aud": "other"}), 401, "UNAUTHORIZED"},
		"old":               {p.Token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), 401, "UNAUTHORIZED"},
		"of nobody":         {p.Token(map[string]any{"email": nil}), 403, "FORBIDDEN"},
		"of another issuer": {p.Token(map[string]any{"iss": "https://id.example.org"}), 401, "UNAUTHORIZED"},
	} {
		t.Run(what, func(t *testing.T) {
			wantProblem(t, call(a, "GET", "/profile", "", "Authorization", "Bearer "+c.raw), c.status, c.code)
		})
	}
	// Without a provider its tokens are as any others.
	wantProblem(t, call(newAPI(t, nil), "GET", "/profile", "", "Authorization", "Bearer "+p.Token(nil)), 401, "UNAUTHORIZED")
	p.Close()
	away := withProvider(t, p)
	wantProblem(t, call(away, "GET", "/profile", "", "Authorization", "Bearer "+p.Token(nil)), 503, "UNAVAILABLE")
	_, got := decode(t, call(away, "GET", "/profile", "", "Authorization", bearer(t, "ada", "Ada")))
	if got["user_id"] != "ada" {
		t.Errorf("our own session without the provider: %v", got)
	}
}

func TestExchangeSaysWhatIsMissing(t *testing.T) {
	p := signintest.New(t)
	a := withProvider(t, p)
	const path = "/api/v1/oauth/exchange"
	for body, field := range map[string]string{`{"code":"x"}`: "code_verifier", `{"code_verifier":"x"}`: "code"} {
		if got := wantProblem(t, call(a, "POST", path, body, "Content-Type", asJSON), 400, "INVALID_INPUT"); got["field"] != field {
			t.Errorf("%v", got)
		}
	}
	// This provider has no token endpoint: every code is a wrong one.
	wantProblem(t, call(a, "POST", path, `{"code":"x","code_verifier":"y","nonce":"z"}`, "Content-Type", asJSON), 401, "UNAUTHORIZED")
}

func TestSignedOutAtTheProvider(t *testing.T) {
	p := signintest.New(t)
	a := withProvider(t, p)
	w := call(a, "GET", "/logout/frontchannel?iss="+p.URL+"&sid=x", "")
	wantEmpty(t, w, http.StatusOK)
	wantCleared(t, w)
	if got := w.Header().Get("Content-Security-Policy"); got != "default-src 'none'; frame-ancestors "+p.URL {
		t.Errorf("policy %q", got)
	}
	for _, q := range []string{"", "?iss=", "?iss=https://id.example.org"} {
		if got := wantProblem(t, call(a, "GET", "/logout/frontchannel"+q, ""), 400, "INVALID_INPUT"); got["field"] != "iss" {
			t.Errorf("%q: %v", q, got)
		}
	}
}
