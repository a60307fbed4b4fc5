package signin_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"parley/api/signin"
)

func TestSignInWithAProvider(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	end := b.login(b.get(s.url+"/login?returnTo="+url.QueryEscape("/m/x?a=b&c=d#é")), "ada")
	if end.status != http.StatusOK || end.body != "at /m/x?a=b&c=d" || end.url.Fragment != "é" {
		t.Errorf("ends with %d at %s: %s", end.status, end.url, end.body)
	}
	if got := b.session(); got.User != "ada@example.org" || got.Name != "ada Lovelace" || got.Admin {
		t.Errorf("signed in as %+v", got)
	}
	if name := s.people.all["ada@example.org"]; name != "ada Lovelace" {
		t.Errorf("on record is %q", s.people.all)
	}
	home, _ := url.Parse(s.url + "/login")
	for _, c := range b.Jar.Cookies(home) {
		if c.Name != "session" {
			t.Errorf("%s is left behind", c.Name)
		}
	}
	// Who says nothing is sent home.
	if end := s.browser().get(s.url + "/login?returnTo=" + url.QueryEscape("https://evil.example/")); !strings.HasPrefix(end.url.String(), s.issuer) {
		t.Errorf("a bad address to return to keeps from signing in: %d at %s", end.status, end.url)
	}
}

func TestWhatTheProviderIsAsked(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	first, second := b.get(s.url+"/login"), b.get(s.url+"/login")
	to, err := url.Parse(first.header.Get("Location"))
	if err != nil || first.status != http.StatusFound || first.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %v", first.status, first.header, err)
	}
	q := to.Query()
	for name, want := range map[string]string{
		"client_id": "parley", "redirect_uri": s.url + "/login/callback", "response_type": "code", "scope": "openid email profile",
		"prompt": "select_account", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	again, _ := url.Parse(second.header.Get("Location"))
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if a, b := q.Get(name), again.Query().Get(name); len(a) < 26 || a == b {
			t.Errorf("%s is %q, then %q", name, a, b)
		}
	}
	c := first.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/login", "Max-Age=600"} {
		if !strings.Contains(c, want) {
			t.Errorf("cookie %q lacks %s", c, want)
		}
	}
	for _, kept := range []string{q.Get("state"), q.Get("nonce")} {
		if strings.Contains(strings.SplitN(c, "=", 2)[1], kept) {
			t.Errorf("cookie %q can be read", c)
		}
	}
}

// Of a sign-in only the browser that began it sees the end, and once.
func TestSignInBelongsToItsBrowser(t *testing.T) {
	s := newSite(t)
	var callback string
	ada := s.browser()
	ada.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.url+"/login/callback") {
			callback = r.URL.String()
		}
		return nil
	}
	form := ada.get(s.url + "/login")
	eve := s.browser()
	eve.get(s.url + "/login") // another sign-in is begun there
	ada.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.url+"/login/callback") {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	ada.login(form, "ada")
	if callback == "" {
		t.Fatal("the provider did not send ada back")
	}
	for what, got := range map[string]answer{
		"another browser":      eve.get(callback),
		"no state":             ada.get(s.url + "/login/callback?code=x"),
		"another state":        ada.get(s.url + "/login/callback?code=x&state=ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
		"a state that is none": ada.get(s.url + "/login/callback?code=x&state=" + url.QueryEscape("=;\r\n, é")),
	} {
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "Begin again") {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if eve.session().User != "" {
		t.Errorf("eve is %+v", eve.session())
	}
	ada.CheckRedirect = nil
	if end := ada.get(callback); end.body != "at /" || ada.session().User != "ada@example.org" {
		t.Errorf("ada ends at %s", end.url)
	}
	if again := ada.get(callback); again.status != http.StatusBadRequest {
		t.Errorf("the same again: %d at %s", again.status, again.url)
	}
}

func TestAnotherNodeFinishes(t *testing.T) {
	s := newSite(t)
	other := s.node()
	s.HandleFunc("GET /login/there", other.Begin)
	b := s.browser()
	if end := b.login(b.get(s.url+"/login/there?returnTo=/m/y"), "ada"); end.body != "at /m/y" {
		t.Errorf("ends at %s: %s", end.url, end.body)
	}
	// One with another secret cannot.
	stranger := s.node(func(_ *site, o *signin.Options) { o.Secret = "another secret of a node" })
	s.HandleFunc("GET /login/stranger", stranger.Begin)
	if end := b.login(b.get(s.url+"/login/stranger"), "ada"); end.status != http.StatusBadRequest {
		t.Errorf("ends with %d at %s", end.status, end.url)
	}
}

func TestPeopleWithoutAnAddress(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	end := b.login(b.get(s.url+"/login?returnTo=/m/z"), "eve")
	if end.status != http.StatusForbidden || !strings.Contains(end.body, "no mail address") || !strings.Contains(end.body, "/login?returnTo=%2Fm%2Fz") {
		t.Errorf("%d %s", end.status, end.body)
	}
	if b.session().User != "" {
		t.Error("eve is signed in")
	}
}

func TestProviderRefuses(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	to, _ := url.Parse(b.get(s.url + "/login?returnTo=/m/q").header.Get("Location"))
	said := `<script>alert("hi")</script>` + strings.Repeat("é", 1000)
	got := b.get(s.url + "/login/callback?error=access_denied&state=" + to.Query().Get("state") + "&error_description=" + url.QueryEscape(said))
	if got.status != http.StatusForbidden || strings.Contains(got.body, "<script>") || !strings.Contains(got.body, "&lt;script&gt;") || len(got.body) > 4000 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
}

// What passes between node and provider is changed on its way, one thing at a time.
func TestAnswersThatProveNothing(t *testing.T) {
	part := func(a map[string]any, n int) string { return strings.Split(a["id_token"].(string), ".")[n] }
	var earlier any // an ID token that was good once
	for _, c := range []struct {
		what string
		between
		why string // in the log
	}{
		{"another verifier", between{ask: func(q url.Values) { q.Set("code_verifier", strings.Repeat("x", 43)) }}, "exchange the code"},
		{"another code", between{ask: func(q url.Values) { q.Set("code", "stolen") }}, "exchange the code"},
		{"no ID token", between{answer: func(a map[string]any) { delete(a, "id_token") }}, "no ID token"},
		{"an ID token of before", between{answer: func(a map[string]any) { a["id_token"] = earlier }}, "nonce"},
		{"other claims", between{answer: func(a map[string]any) {
			a["id_token"] = part(a, 0) + "." + strings.TrimRight(part(a, 1), "=")[4:] + "." + part(a, 2)
		}}, "check the ID token"},
		{"no signature", between{answer: func(a map[string]any) {
			a["id_token"] = "eyJhbGciOiJub25lIn0." + part(a, 1) + "."
		}}, "check the ID token"},
		{"a signature with the secret", between{answer: func(a map[string]any) {
			signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "x"}).SignedString([]byte("secret&more="))
			if err != nil {
				t.Error(err)
			}
			a["id_token"] = signed
		}}, "check the ID token"},
		{"a key of somebody else", between{answer: func(a map[string]any) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Error(err)
			}
			claims, err := base64.RawURLEncoding.DecodeString(part(a, 1))
			var m jwt.MapClaims
			if err != nil || json.Unmarshal(claims, &m) != nil {
				t.Errorf("claims %s: %v", claims, err)
			}
			if a["id_token"], err = jwt.NewWithClaims(jwt.SigningMethodRS256, m).SignedString(key); err != nil {
				t.Error(err)
			}
		}}, "check the ID token"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var log bytes.Buffer
			way := &between{answer: func(a map[string]any) { earlier = a["id_token"] }}
			s := newSite(t, way.options, func(_ *site, o *signin.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			good := s.browser()
			if end := good.login(good.get(s.url+"/login"), "ada"); good.session().User != "ada@example.org" {
				t.Fatalf("unchanged: %d at %s: %s", end.status, end.url, end.body)
			}
			*way = c.between
			b := s.browser()
			end := b.login(b.get(s.url+"/login"), "ada")
			if end.status != http.StatusBadGateway || b.session().User != "" {
				t.Errorf("%d, signed in as %q: %s", end.status, b.session().User, end.body)
			}
			if !strings.Contains(log.String(), c.why) || strings.Contains(end.body, c.why) {
				t.Errorf("the log says %s, the page %s", &log, end.body)
			}
		})
	}
}

func TestTokenForAnotherClientIsRefused(t *testing.T) {
	var log bytes.Buffer
	var foreign any
	s := newSite(t, (&between{answer: func(a map[string]any) { a["id_token"] = foreign }}).options,
		func(_ *site, o *signin.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	// Another client of the same provider, which people are sent back to by the same address.
	theirs := &site{t: t, url: s.url, issuer: s.issuer, tokens: s.tokens, ServeMux: http.NewServeMux()}
	other := theirs.node((&between{answer: func(a map[string]any) { foreign = a["id_token"] }}).options, func(_ *site, o *signin.Options) {
		o.ClientID, o.ClientSecret, o.TokenURL = "other", "secret", s.url+"/theirs/between"
	})
	s.Handle("POST /theirs/", http.StripPrefix("/theirs", theirs.ServeMux))
	s.HandleFunc("GET /login/other", other.Begin)
	s.HandleFunc("GET /login/finish", other.Finish)
	b := s.browser()
	form := b.get(s.url + "/login/other")
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.URL.Path = strings.Replace(r.URL.Path, "/login/callback", "/login/finish", 1)
		return nil
	}
	if end := b.login(form, "ada"); foreign == nil || b.session().User == "" {
		t.Fatalf("%d at %s: %s", end.status, end.url, end.body)
	}
	eve := s.browser()
	if end := eve.login(eve.get(s.url+"/login"), "ada"); end.status != http.StatusBadGateway || eve.session().User != "" ||
		!strings.Contains(log.String(), "audience") {
		t.Errorf("%d at %s; the log says %s", end.status, end.url, &log)
	}
}

func TestProviderAway(t *testing.T) {
	s := newSite(t, func(_ *site, o *signin.Options) { o.Issuer = "http://127.0.0.1:1/" })
	got := s.browser().get(s.url + "/login")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "does not answer") || strings.Contains(got.body, "127.0.0.1:1") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for what, o := range map[string]signin.Options{
		"no secret":  {},
		"a relative": {Secret: secret, Allowed: []string{"example.org"}},
		"a home":     {Secret: secret, AfterLogin: "javascript:alert(1)"},
	} {
		if _, err := signin.New(o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
